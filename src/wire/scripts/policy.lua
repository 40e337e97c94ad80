-- Keeps a worker's claim idle where the others of its group find it, and tells of theirs. KEYS: policy.
-- ARGV: '', consumer, its claim idle in ms (empty: it is taken back), '1' when it reads the group's retry stream, fields
-- there may be at most, then consumers to forget, each with the value it had.
-- Returns {'ok', 'full' or 'memory' (what is not kept), the longest that was refreshed in time and is longer than its own:
-- consumer and ms (or '' and 0), then consumer and value of others that were not, the longer ones first}.
local STALE_MAX = 100
local key, consumer, own = KEYS[1], ARGV[2], ARGV[3]
-- Of another type, the first read of it fails before any write.
local bad = denied('HGETALL', key) or denied('HSET', key, 'f', 'v') or denied('HDEL', key, 'f')
if bad then return bad end
if own == '' then
  redis.call('HDEL', key, consumer)
  return { 'ok', '', 0 }
end
local time = redis.call('TIME')
local now, own_ms = time[1] * 1000 + math.floor(time[2] / 1000), tonumber(own)

local forgotten = {}
for i = 6, #ARGV, 2 do forgotten[ARGV[i]] = ARGV[i + 1] end

local longest, longest_ms, longer, others, is_kept, count = '', 0, {}, {}, false, 0
local all = redis.call('HGETALL', key)
for i = 1, #all, 2 do
  local name, value = all[i], all[i + 1]
  local idle, refreshed = string.match(value, '^(%d+) (%d+)')
  idle, refreshed = tonumber(idle) or 0, tonumber(refreshed) or 0
  count = count + 1
  if name == consumer then
    is_kept = true
  elseif forgotten[name] == value then
    redis.call('HDEL', key, name)
    count = count - 1
  elseif now - refreshed >= idle then
    local into = idle > own_ms and longer or others
    if #into < 2 * STALE_MAX then append(into, { name, value }) end
  elseif idle > own_ms and idle > longest_ms then
    longest, longest_ms = name, idle
  end
end

local kept = 'ok'
if not is_kept and count >= tonumber(ARGV[5]) then
  kept = 'full'
else
  local done = redis.pcall('HSET', key, consumer, own .. ' ' .. string.format('%.0f', now) .. (ARGV[4] == '1' and ' retry' or ''))
  if type(done) == 'table' and done.err then kept = 'memory' end
end
local reply = { kept, longest, longest_ms }
append(reply, longer)
for i = 1, math.min(#others, 2 * STALE_MAX - #longer) do reply[#reply + 1] = others[i] end
return reply
