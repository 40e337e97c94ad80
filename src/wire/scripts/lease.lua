-- The lease of a group's single active worker. KEYS: lease. ARGV: '', 'take' or 'drop', token, time to live in ms.
-- Returns {'held'} when it is this token's now, {'dropped'}, or {'other', token, ms it has left}.
local key, token = KEYS[1], ARGV[3]
local holder = redis.call('GET', key)
if holder and holder ~= token then return { 'other', holder, redis.call('PTTL', key) } end
if ARGV[2] == 'drop' then
  redis.call('DEL', key)
  return { 'dropped' }
end
-- A server whose memory is full refuses SET, and not this: whoever is at work goes on.
if holder then
  redis.call('PEXPIRE', key, ARGV[4])
else
  redis.call('SET', key, token, 'PX', ARGV[4])
end
return { 'held' }
