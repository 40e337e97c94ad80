-- Creates a group, and its stream with it, that counts its reads from the first on. KEYS: stream.
-- ARGV: token, group, id or '$', how many entries there are up to it where somebody counted (or empty).
-- Returns 'OK', or the server's error: BUSYGROUP when it is there.
local s, g, id = KEYS[1], ARGV[2], ARGV[3]
local bad = denied('XGROUP', 'CREATE', s, g, id)
if bad then return bad end
local read = entries_read_at(s, id, ARGV[4])
if read then return redis.pcall('XGROUP', 'CREATE', s, g, id, 'MKSTREAM', 'ENTRIESREAD', read) end
return redis.pcall('XGROUP', 'CREATE', s, g, id, 'MKSTREAM')
