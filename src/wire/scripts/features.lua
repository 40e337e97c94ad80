-- Counts an event into feature hashes and acknowledges it, or neither. KEYS: stream, hashes (one or two).
-- ARGV: token, group, consumer, '1' when the entry is deleted, id, count, hashes, event type, purchase total (may be
-- empty), event time (RFC 3339).
-- A figure that cannot be counted up (no number, or beyond what is exact) is left as it is: the event counts without it.
-- Returns {'ok', what was left out …} | {'gone'} | {'moved', owner, count} | {'refused', why}.
local s, g, c, deletes, id, hashes = KEYS[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5], tonumber(ARGV[7])
local by_type, total, time = 'events:' .. ARGV[8], ARGV[9], ARGV[10]
local owner, count = pending(s, g, id)
if not owner then return { 'gone' } end
if not is_held(owner, count, c, ARGV[6]) then return { 'moved', owner, count } end
local bad = may_not_acknowledge(s, g, id, deletes)
if bad then return bad end
for k = 2, hashes + 1 do
  bad = wrong_type(KEYS[k], 'hash') or denied('HSET', KEYS[k], 'f', 'v')
    or denied('HINCRBY', KEYS[k], 'f', '1') or denied('HINCRBYFLOAT', KEYS[k], 'f', '1')
  if bad then return bad end
end
local outcome = { 'ok' }
local function is_countable(value, by, is_integer)
  if is_integer and value ~= '0' and not string.match(value, '^%-?[1-9]%d*$') then return false end
  local number = string.match(value, '^%-?[%d.]+$') and tonumber(value)
  return number and math.abs(number + by) < 2 ^ 53
end
local function add(command, h, field, by)
  local value = redis.call('HGET', h, field)
  if value and not is_countable(value, tonumber(by), command == 'HINCRBY') then
    outcome[#outcome + 1] = field .. ' of ' .. h
  else
    redis.call(command, h, field, by)
  end
end
for k = 2, hashes + 1 do
  local h = KEYS[k]
  add('HINCRBY', h, 'events', '1')
  add('HINCRBY', h, by_type, '1')
  if total ~= '' then add('HINCRBYFLOAT', h, 'purchase_total', total) end
  local first, last = redis.call('HGET', h, 'first_seen'), redis.call('HGET', h, 'last_seen')
  if not first or time < first then redis.call('HSET', h, 'first_seen', time) end
  if not last or time > last then redis.call('HSET', h, 'last_seen', time) end
end
acknowledge(s, g, id, deletes)
return outcome
