-- Forgets notes of what is in flight no more: entries that are not pending. KEYS: stream, inflight. ARGV: '', group, cursor.
-- Returns the next cursor; '0' at the end.
local page = redis.call('HSCAN', KEYS[2], ARGV[3], 'COUNT', 50)
for i = 1, #page[2], 2 do
  local id = page[2][i]
  local row = string.match(id, '^%d+%-%d+$') and pending(KEYS[1], ARGV[2], id)
  if not row then redis.call('HDEL', KEYS[2], id) end
end
return page[1]
