-- Makes entries pending as they were, those that still are as they were seen. A copy of one is deleted in the same step.
-- KEYS: stream, the stream with the copies (the same one where there are none).
-- ARGV: token, group, then for each entry id, owner and count as they were seen (both empty: not pending), the consumer,
-- the time of its delivery in ms and the count to restore, and the id of its copy or nothing.
-- Returns for each id 'ok' | 'changed' (it is not as it was seen) | 'ghost' (its body is gone) | 'nocopy' (its copy is
-- gone) | 'delivered:GROUP' (the copy was delivered to that group).
-- XCLAIM FORCE brings back acknowledged entries as well: that is what it is for here.
local s, d, g = KEYS[1], KEYS[2], ARGV[2]
local bad = denied('XCLAIM', s, g, 'c', 0, '0-1')
if bad then return bad end
if not group_state(s, g) then return redis.error_reply('NOGROUP no group ' .. g .. ' on ' .. s .. '; nothing was changed') end
local takes_copies = false
for i = 9, #ARGV, 7 do takes_copies = takes_copies or ARGV[i] ~= '' end
local readers = {}
if takes_copies then
  bad = wrong_type(d, 'stream') or denied('XDEL', d, '0-1')
  if bad then return bad end
  readers = readers_of(d)
end
local function restore(id, seen_owner, seen_count, consumer, delivered_ms, count, copy)
  local owner, now = pending(s, g, id)
  if seen_owner == '' and seen_count == '' then
    if owner then return 'changed' end
  elseif not owner or not is_held(owner, now, seen_owner, seen_count) then
    return 'changed'
  end
  if not body(s, id) then return 'ghost' end
  if copy ~= '' then
    if not body(d, copy) then return 'nocopy' end
    local by = delivered_to(d, readers, copy)
    if by then return 'delivered:' .. by end
    redis.call('XDEL', d, copy)
  end
  redis.call('XCLAIM', s, g, consumer, 0, id, 'TIME', delivered_ms, 'RETRYCOUNT', count, 'FORCE', 'JUSTID')
  return 'ok'
end
local outcome = {}
for i = 3, #ARGV, 7 do
  outcome[#outcome + 1] = restore(ARGV[i], ARGV[i + 1], ARGV[i + 2], ARGV[i + 3], ARGV[i + 4], ARGV[i + 5], ARGV[i + 6])
end
return outcome
