-- Deletes consumers that hold nothing and have not been seen for long. KEYS: stream.
-- ARGV: token, group, least idle ms, then names.
-- Returns for each name 'ok', 'gone', 'held' (it holds entries) or 'active' (it was seen since).
local s, g, idle_min = KEYS[1], ARGV[2], tonumber(ARGV[3])
local found = {}
for _, info in ipairs(redis.call('XINFO', 'CONSUMERS', s, g)) do
  local fields = {}
  for i = 1, #info, 2 do fields[info[i]] = info[i + 1] end
  found[fields['name']] = fields
end
local function prune(name)
  local fields = found[name]
  if not fields then return 'gone' end
  if fields['pending'] > 0 then return 'held' end
  if fields['idle'] < idle_min then return 'active' end
  redis.call('XGROUP', 'DELCONSUMER', s, g, name)
  return 'ok'
end
local outcome = {}
for i = 4, #ARGV do outcome[#outcome + 1] = prune(ARGV[i]) end
return outcome
