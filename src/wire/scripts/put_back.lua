-- Adds a dead letter again that was deleted; its copy is deleted in the same step.
-- KEYS: dead-letter stream, the stream with the copy (the same one where there is none).
-- ARGV: token, the id of its copy or nothing, then names and values in turn.
-- Returns {'ok', new id} | {'gone'} (its copy is gone) | {'moved', group, 0} (the copy was delivered to that group).
local d, s, copy = KEYS[1], KEYS[2], ARGV[2]
local bad = wrong_type(d, 'stream') or denied('XADD', d, '*', 'f', 'v')
if bad then return bad end
if copy ~= '' then
  bad = wrong_type(s, 'stream') or denied('XDEL', s, '0-1')
  if bad then return bad end
  if not body(s, copy) then return { 'gone' } end
  local by = delivered_to(s, readers_of(s), copy)
  if by then return { 'moved', by, 0 } end
end
local args = { d, '*' }
for i = 3, #ARGV do args[#args + 1] = ARGV[i] end
if #args > ARGS_MAX then return { 'refused', 'the entry has too many fields to move' } end
local new = redis.call('XADD', unpack(args))
if copy ~= '' then redis.call('XDEL', s, copy) end
return { 'ok', new }
