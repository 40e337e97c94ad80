-- Removes whole nodes of entries before an id, and none that a group has not read and acknowledged, whatever happened since
-- it was planned. KEYS: stream. ARGV: token, the id, the greatest number of entries, how the names of groups begin that
-- do not count, then groups that do not count.
-- Returns {removed, the id before which was trimmed, the group that holds it there or ''}.
local s, cut, limit, prefix = KEYS[1], ARGV[2], ARGV[3], ARGV[4]
local bad = wrong_type(s, 'stream') or denied('XTRIM', s, 'MINID', '~', cut)
if bad then return bad end
local left_out = {}
for i = 5, #ARGV do left_out[ARGV[i]] = true end
local holds = ''
local function keep(id, group)
  if id and before(id, cut) then cut, holds = id, group end
end
for _, reader in ipairs(readers_of(s)) do
  local group, last = reader[1], reader[2]
  if not left_out[group] and string.sub(group, 1, #prefix) ~= prefix then
    local oldest = reader[3] > 0 and redis.call('XPENDING', s, group, '-', '+', 1)[1]
    if oldest then keep(oldest[1], group) end
    -- Nothing can come after the greatest id, and the server takes it for no range.
    local is_last = last == '18446744073709551615-18446744073709551615'
    local next = not is_last and redis.call('XRANGE', s, '(' .. last, '+', 'COUNT', 1)[1]
    if next then keep(next[1], group) end
  end
end
return { redis.call('XTRIM', s, 'MINID', '~', cut, 'LIMIT', limit), cut, holds }
