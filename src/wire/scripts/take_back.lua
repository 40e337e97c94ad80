-- Takes back what is pending for nobody, since the consumer was deleted that held it. KEYS: stream.
-- ARGV: token, group, consumer, '1' when it is known that it was deleted, then id, count pairs.
-- Returns {'there'} when the consumer was there and nothing is known, else {'deleted', and for each id 'ok', 'held'
-- (somebody has it), 'ghost' (its body is gone) or 'unread' (the group was set back and will deliver it)}.
-- XCLAIM FORCE brings back acknowledged entries as well: only what cannot have been acknowledged may be given.
local s, g, c = KEYS[1], ARGV[2], ARGV[3]
local bad = denied('XCLAIM', s, g, c, 0, '0-1') or denied('XGROUP', 'CREATECONSUMER', s, g, c)
if bad then return bad end
local last = group_state(s, g)
if not last then return redis.error_reply('NOGROUP no group ' .. g .. ' on ' .. s .. '; nothing was changed') end
local created = redis.call('XGROUP', 'CREATECONSUMER', s, g, c)
if created == 0 and ARGV[4] ~= '1' then return { 'there' } end
-- Ids are beyond what Lua's numbers can tell apart: compared as texts of one length.
local function padded(id)
  local ms, seq = string.match(id, '^(%d+)%-(%d+)$')
  return string.rep('0', 20 - #ms) .. ms .. string.rep('0', 20 - #seq) .. seq
end
local function take_back(id, count)
  if pending(s, g, id) then return 'held' end
  if padded(id) > padded(last) then return 'unread' end
  if not body(s, id) then return 'ghost' end
  redis.call('XCLAIM', s, g, c, 0, id, 'RETRYCOUNT', count, 'FORCE', 'JUSTID')
  return 'ok'
end
local outcome = { 'deleted' }
for i = 5, #ARGV, 2 do outcome[#outcome + 1] = take_back(ARGV[i], ARGV[i + 1]) end
return outcome
