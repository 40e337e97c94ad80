-- Acknowledges entries this consumer still holds. KEYS: stream. ARGV: token, group, consumer, then id, count pairs.
-- Returns for each id 1 (acknowledged) or 0 (not held any more).
local s, g, c = KEYS[1], ARGV[2], ARGV[3]
local bad = denied('XACK', s, g, '0-1')
if bad then return bad end
local outcome = {}
for i = 4, #ARGV, 2 do
  local owner, count = pending(s, g, ARGV[i])
  if owner and is_held(owner, count, c, ARGV[i + 1]) then
    outcome[#outcome + 1] = redis.call('XACK', s, g, ARGV[i])
  else
    outcome[#outcome + 1] = 0
  end
end
return outcome
