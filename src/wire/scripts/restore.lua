-- Makes entries pending as they were, those that still are as they were seen. KEYS: stream.
-- ARGV: token, group, then for each entry id, owner and count as they were seen (both empty: not pending), and the
-- consumer, the time of its delivery in ms and the count to restore.
-- Returns for each id 'ok' | 'changed' (it is not as it was seen) | 'ghost' (its body is gone).
-- XCLAIM FORCE brings back acknowledged entries as well: that is what it is for here.
local s, g = KEYS[1], ARGV[2]
local bad = denied('XCLAIM', s, g, 'c', 0, '0-1')
if bad then return bad end
if not group_state(s, g) then return redis.error_reply('NOGROUP no group ' .. g .. ' on ' .. s .. '; nothing was changed') end
local function restore(id, seen_owner, seen_count, consumer, delivered_ms, count)
  local owner, now = pending(s, g, id)
  if seen_owner == '' and seen_count == '' then
    if owner then return 'changed' end
  elseif not owner or not is_held(owner, now, seen_owner, seen_count) then
    return 'changed'
  end
  if not body(s, id) then return 'ghost' end
  redis.call('XCLAIM', s, g, consumer, 0, id, 'TIME', delivered_ms, 'RETRYCOUNT', count, 'FORCE', 'JUSTID')
  return 'ok'
end
local outcome = {}
for i = 3, #ARGV, 6 do
  outcome[#outcome + 1] = restore(ARGV[i], ARGV[i + 1], ARGV[i + 2], ARGV[i + 3], ARGV[i + 4], ARGV[i + 5])
end
return outcome
