-- Renews leases still held whose body is still there. KEYS: stream. ARGV: token, group, consumer, then id, count pairs.
-- Returns for each id 'ok', 'lost', 'gone' (pending for nobody) or 'ghost' (left pending, for a tombstone); no more ids once
-- so many bytes of bodies were looked at, since that a body is there only shows by reading it.
local BYTES_MAX = 1048576
local s, g, c = KEYS[1], ARGV[2], ARGV[3]
local bad = denied('XCLAIM', s, g, c, 0, '0-1')
if bad then return bad end
local outcome = {}
local bytes = 0
local function renew(id, wanted_count)
  local owner, count = pending(s, g, id)
  if not owner then return 'gone' end
  if not is_held(owner, count, c, wanted_count) then return 'lost' end
  local fields = body(s, id)
  if not fields then return 'ghost' end
  for i = 1, #fields do bytes = bytes + #fields[i] end
  redis.call('XCLAIM', s, g, c, 0, id, 'JUSTID')
  return 'ok'
end
for i = 4, #ARGV, 2 do
  if bytes >= BYTES_MAX then break end
  outcome[#outcome + 1] = renew(ARGV[i], ARGV[i + 1])
end
return outcome
