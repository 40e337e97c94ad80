-- Adds records of a topic as entries, and keeps how far each partition was taken, together or not at all.
-- KEYS: stream, the hash of partitions and offsets, lease.
-- ARGV: token, the lease's time to live in ms, how many partitions, and for each its number, the offset that is kept (empty:
-- none) and the one to keep; then for each record the id of its entry (empty: none), its time in ms, the number of its
-- names and values, and those.
-- Returns {'ok', how many have their own id}, {'moved', partition, the offset that is kept} or {'toomany', which record}.
local s, h = KEYS[1], KEYS[2]
local bad = wrong_type(s, 'stream') or wrong_type(h, 'hash') or denied('XADD', s, '*', 'f', 'v') or denied('HSET', h, 'f', 'v')
  or denied('XINFO', 'STREAM', s) or denied('PEXPIRE', KEYS[3], 1)
if bad then return bad end
local places, at = {}, 4
for _ = 1, tonumber(ARGV[3]) do
  local kept = redis.call('HGET', h, ARGV[at]) or ''
  if kept ~= ARGV[at + 1] then return { 'moved', ARGV[at], kept } end
  append(places, { ARGV[at], ARGV[at + 2] })
  at = at + 3
end
local records = {}
while at <= #ARGV do
  local first, last = at + 3, at + 2 + tonumber(ARGV[at + 2])
  -- With what is added below.
  if last - first + 5 > ARGS_MAX then return { 'toomany', #records } end
  records[#records + 1] = { ARGV[at], ARGV[at + 1], first, last }
  at = last + 1
end
bad = exhausted(s, #records)
if bad then return bad end
local last_id, own_ids = '0-0', 0
if redis.call('EXISTS', s) == 1 then last_id = pairs_of(redis.call('XINFO', 'STREAM', s))['last-generated-id'] end
for _, record in ipairs(records) do
  local own, wanted = record[1], record[1]
  if own == '' then wanted = record[2] .. '-0' end
  local args = { s, wanted }
  for i = record[3], record[4] do args[#args + 1] = ARGV[i] end
  if before(last_id, wanted) then
    if own ~= '' then own_ids = own_ids + 1 end
    last_id = redis.call('XADD', unpack(args))
  else
    if own ~= '' then append(args, { '_ucp_redis_id', own }) end
    args[2] = string.match(last_id, '^%d+') .. '-*'
    local added = redis.pcall('XADD', unpack(args))
    if type(added) == 'table' and added.err then
      -- This millisecond has no more ids.
      args[2] = '*'
      added = redis.call('XADD', unpack(args))
    end
    last_id = added
  end
end
redis.call('HSET', h, unpack(places))
redis.call('PEXPIRE', KEYS[3], ARGV[2])
return { 'ok', own_ids }
