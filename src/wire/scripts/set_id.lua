-- Moves a group to another position if it is as it was seen. KEYS: stream.
-- ARGV: token, group, last delivered id and number of pending entries as they were seen, new last delivered id, how many
-- entries there are up to it where somebody counted (or empty).
-- Returns {'ok'} | {'gone'} | {'changed', last delivered id, pending}.
local s, g = KEYS[1], ARGV[2]
local differs = group_differs(s, g, ARGV[3], ARGV[4])
if differs then return differs end
local read = entries_read_at(s, ARGV[5], ARGV[6])
if read then
  redis.call('XGROUP', 'SETID', s, g, ARGV[5], 'ENTRIESREAD', read)
else
  redis.call('XGROUP', 'SETID', s, g, ARGV[5])
end
return { 'ok' }
