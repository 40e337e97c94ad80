-- Counts an event into feature hashes and acknowledges it, or neither. KEYS: stream, hashes (one or two).
-- ARGV: token, group, consumer, id, count, hashes, event type, purchase total (may be empty), event time (RFC 3339).
-- Returns {'ok'} | {'gone'} | {'moved', owner, count} | {'refused', why}.
local s, g, c, id, hashes = KEYS[1], ARGV[2], ARGV[3], ARGV[4], tonumber(ARGV[6])
local by_type, total, time = 'events:' .. ARGV[7], ARGV[8], ARGV[9]
local owner, count = pending(s, g, id)
if not owner then return { 'gone' } end
if not is_held(owner, count, c, ARGV[5]) then return { 'moved', owner, count } end
local bad = denied('XACK', s, g, id)
if bad then return bad end
for k = 2, hashes + 1 do
  bad = wrong_type(KEYS[k], 'hash') or denied('HSET', KEYS[k], 'f', 'v')
    or denied('HINCRBY', KEYS[k], 'f', '1') or denied('HINCRBYFLOAT', KEYS[k], 'f', '1')
  if bad then return bad end
  for field, digits in pairs({ events = '^%-?%d+$', [by_type] = '^%-?%d+$', purchase_total = '^%-?[%d.]+$' }) do
    local value = redis.call('HGET', KEYS[k], field)
    local number = value and string.match(value, digits) and tonumber(value)
    if value and not (number and math.abs(number) < 2 ^ 53) then
      return { 'refused', field .. ' of ' .. KEYS[k] .. ' is not a number that can be counted up' }
    end
  end
end
for k = 2, hashes + 1 do
  local h = KEYS[k]
  redis.call('HINCRBY', h, 'events', 1)
  redis.call('HINCRBY', h, by_type, 1)
  if total ~= '' then redis.call('HINCRBYFLOAT', h, 'purchase_total', total) end
  local first, last = redis.call('HGET', h, 'first_seen'), redis.call('HGET', h, 'last_seen')
  if not first or time < first then redis.call('HSET', h, 'first_seen', time) end
  if not last or time > last then redis.call('HSET', h, 'last_seen', time) end
end
redis.call('XACK', s, g, id)
return { 'ok' }
