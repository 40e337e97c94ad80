-- Acknowledges entries this consumer still holds. KEYS: stream.
-- ARGV: token, group, consumer, '1' when what is acknowledged is deleted, least id, greatest id, then id, count pairs.
-- Returns for each id 1 (acknowledged) or 0 (not held any more).
local s, g, c, deletes = KEYS[1], ARGV[2], ARGV[3], ARGV[4]
local bad = may_not_acknowledge(s, g, '0-1', deletes)
if bad then return bad end
-- Mostly they are neighbours, which are looked up together. Where others of this consumer are between them, those that
-- are beyond the limit are looked up one by one.
local limit = (#ARGV - 6) / 2 + 32
local rows = redis.call('XPENDING', s, g, ARGV[5], ARGV[6], limit, c)
local counts = {}
for _, row in ipairs(rows) do counts[row[1]] = decimal(row[4]) end
local outcome, held = {}, {}
for i = 7, #ARGV, 2 do
  local id = ARGV[i]
  local owner, count = c, counts[id]
  if count == nil and #rows == limit then owner, count = pending(s, g, id) end
  local is_ours = count and is_held(owner, count, c, ARGV[i + 1])
  outcome[#outcome + 1] = is_ours and 1 or 0
  -- One that is named twice is acknowledged once.
  if is_ours then
    held[#held + 1] = id
    counts[id] = false
  end
end
for i = 1, #held, 1000 do
  local some = { unpack(held, i, math.min(i + 999, #held)) }
  redis.call('XACK', s, g, unpack(some))
  if deletes == '1' then redis.call('XDEL', s, unpack(some)) end
end
return outcome
