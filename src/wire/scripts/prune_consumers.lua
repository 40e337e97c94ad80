-- Deletes consumers that have no pending entries. KEYS: stream. ARGV: token, group, names.
-- Returns for each name 'ok' or 'held' (it holds entries). How long each has rested only the list of all consumers
-- says, which takes as long as there are consumers: whoever calls this has looked.
local s, g = KEYS[1], ARGV[2]
local outcome = {}
for i = 3, #ARGV do
  local name = ARGV[i]
  if #redis.call('XPENDING', s, g, '-', '+', 1, name) > 0 then
    outcome[#outcome + 1] = 'held'
  else
    redis.call('XGROUP', 'DELCONSUMER', s, g, name)
    outcome[#outcome + 1] = 'ok'
  end
end
return outcome
