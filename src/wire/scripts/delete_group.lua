-- Deletes a group if it is as it was seen and, unless forced, has nothing left to do. KEYS: stream.
-- ARGV: token, group, last delivered id and number of pending entries as they were seen, '1' when forced.
-- Returns {'ok'} | {'gone'} | {'changed', last delivered id, pending} | {'pending', how many} | {'undelivered', first id}.
local s, g, last = KEYS[1], ARGV[2], ARGV[3]
local differs = group_differs(s, g, last, ARGV[4])
if differs then return differs end
if ARGV[5] ~= '1' then
  if ARGV[4] ~= '0' then return { 'pending', ARGV[4] } end
  for _, entry in ipairs(redis.call('XRANGE', s, last, '+', 'COUNT', 2)) do
    if entry[1] ~= last then return { 'undelivered', entry[1] } end
  end
end
redis.call('XGROUP', 'DESTROY', s, g)
return { 'ok' }
