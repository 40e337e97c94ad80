-- Notes what is long in flight, and forgets what is not any more. KEYS: inflight.
-- ARGV: '', consumer, fields there may be at most, number of notes, then for each id, attempt, ms since its first start and
-- its last reason (empty: as it was), then ids to forget where the note is this consumer's.
-- A note is 'first-start-ms attempt length-of-consumer consumer' and the reason. Returns how many could not be kept.
local key, consumer = KEYS[1], ARGV[2]
local bad = wrong_type(key, 'hash') or denied('HGET', key, 'f') or denied('HSET', key, 'f', 'v') or denied('HDEL', key, 'f')
  or denied('HLEN', key)
if bad then return bad end
local function kept(id)
  local value = redis.call('HGET', key, id)
  if not value then return nil end
  local first, length, rest = string.match(value, '^(%d+) %d+ (%d+) (.*)$')
  if not first then return nil end
  return tonumber(first), string.sub(rest, 1, tonumber(length)), string.sub(rest, tonumber(length) + 1)
end
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local count, last = redis.call('HLEN', key), 4 + 4 * tonumber(ARGV[4])
local lost = 0
for i = last + 1, #ARGV do
  local _, owner = kept(ARGV[i])
  if owner == consumer then count = count - redis.call('HDEL', key, ARGV[i]) end
end
for i = 5, last, 4 do
  local id, first, reason = ARGV[i], now - tonumber(ARGV[i + 2]), ARGV[i + 3]
  local earlier, _, said = kept(id)
  if earlier then
    first = math.min(first, earlier)
    if reason == '' then reason = said end
  end
  if not earlier and count >= tonumber(ARGV[3]) then
    lost = lost + 1
  else
    local value = string.format('%.0f %s %d ', first, ARGV[i + 1], #consumer) .. consumer .. reason
    local done = redis.pcall('HSET', key, id, value)
    if type(done) == 'table' and done.err then lost = lost + 1 else count = count + done end
  end
end
return lost
