-- Sets or deletes a value that still is what it was. KEYS: the key. ARGV: token, the value as it was seen (empty: none),
-- the value to set (empty: none). Returns {'ok'} | {'changed'}.
local key, seen, wanted = KEYS[1], ARGV[2], ARGV[3]
local bad = wrong_type(key, 'string') or wanted == '' and denied('DEL', key) or wanted ~= '' and denied('SET', key, 'v')
if bad then return bad end
if (redis.call('GET', key) or '') ~= seen then return { 'changed' } end
if wanted == '' then redis.call('DEL', key) else redis.call('SET', key, wanted) end
return { 'ok' }
