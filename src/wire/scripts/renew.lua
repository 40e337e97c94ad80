-- Renews leases still held whose body is still there. KEYS: stream. ARGV: token, group, consumer, then id, count pairs.
-- Returns for each id 'ok', 'lost', 'gone' (pending for nobody) or 'ghost' (left pending, for a tombstone).
local s, g, c = KEYS[1], ARGV[2], ARGV[3]
local bad = denied('XCLAIM', s, g, c, 0, '0-1')
if bad then return bad end
local outcome = {}
for i = 4, #ARGV, 2 do
  local id = ARGV[i]
  local owner, count = pending(s, g, id)
  if not owner then
    outcome[#outcome + 1] = 'gone'
  elseif not is_held(owner, count, c, ARGV[i + 1]) then
    outcome[#outcome + 1] = 'lost'
  elseif not body(s, id) then
    outcome[#outcome + 1] = 'ghost'
  else
    redis.call('XCLAIM', s, g, c, 0, id, 'JUSTID')
    outcome[#outcome + 1] = 'ok'
  end
end
return outcome
