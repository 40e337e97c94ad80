-- Deletes a consumer that holds nothing. KEYS: stream. ARGV: token, group, consumer.
-- Returns {'ok'} or {'refused', first id it holds}.
local held = redis.call('XPENDING', KEYS[1], ARGV[2], '-', '+', 1, ARGV[3])
if #held > 0 then return { 'refused', held[1][1] } end
redis.call('XGROUP', 'DELCONSUMER', KEYS[1], ARGV[2], ARGV[3])
return { 'ok' }
