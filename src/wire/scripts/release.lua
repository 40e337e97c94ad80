-- Gives entries back: claimable at once by anyone. KEYS: stream.
-- ARGV: token, group, consumer (empty: whoever holds it), then id, count (empty: any), new count (empty: as it is) triples.
-- Returns for each id 'ok', 'lost' or 'ghost' (left pending, for a tombstone).
local s, g, c = KEYS[1], ARGV[2], ARGV[3]
local bad = denied('XCLAIM', s, g, g, 0, '0-1')
if bad then return bad end
local function release(id, wanted_count, new_count)
  local owner, count = pending(s, g, id)
  if not owner or not is_held(owner, count, c, wanted_count) then return 'lost' end
  if not body(s, id) then return 'ghost' end
  if new_count == '' then new_count = count end
  redis.call('XCLAIM', s, g, owner, 0, id, 'TIME', 0, 'RETRYCOUNT', new_count, 'JUSTID')
  return 'ok'
end
local outcome = {}
for i = 4, #ARGV, 3 do outcome[#outcome + 1] = release(ARGV[i], ARGV[i + 1], ARGV[i + 2]) end
return outcome
