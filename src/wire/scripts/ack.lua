-- Acknowledges entries this consumer still holds. KEYS: stream.
-- ARGV: token, group, consumer, '1' when what is acknowledged is deleted, then id, count pairs.
-- Returns for each id 1 (acknowledged) or 0 (not held any more).
local s, g, c, deletes = KEYS[1], ARGV[2], ARGV[3], ARGV[4]
local bad = may_not_acknowledge(s, g, '0-1', deletes)
if bad then return bad end
local outcome = {}
for i = 5, #ARGV, 2 do
  local owner, count = pending(s, g, ARGV[i])
  if owner and is_held(owner, count, c, ARGV[i + 1]) then
    outcome[#outcome + 1] = acknowledge(s, g, ARGV[i], deletes)
  else
    outcome[#outcome + 1] = 0
  end
end
return outcome
