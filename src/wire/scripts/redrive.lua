-- Moves a dead letter back to a stream, once. KEYS: dead-letter stream, destination.
-- ARGV: token, id, '1' when every group of the destination may see it.
-- Returns {'ok', new id} | {'gone'} | {'tombstone'} | {'nodest'} | {'refused', why}.
local d, s, id = KEYS[1], KEYS[2], ARGV[2]
local bad = wrong_type(s, 'stream') or denied('XADD', s, '*', 'f', 'v') or denied('XDEL', d, id)
if bad then return bad end
local fields = body(d, id)
if not fields then return { 'gone' } end
if redis.call('EXISTS', s) == 0 then return { 'nodest' } end
if ARGV[3] ~= '1' and #redis.call('XINFO', 'GROUPS', s) > 1 then
  return { 'refused', 'other groups of the stream would see it again' }
end
local origin, redrives, state, args = '', 0, 'present', { s, '*' }
for i = 1, #fields, 2 do
  local name, value = fields[i], fields[i + 1]
  if name == '_dlq_id' then
    if origin == '' then origin = value end
  elseif name == '_ucp_origin' then
    origin = value
  elseif name == '_dlq_body' then
    state = value
  elseif name == '_ucp_redrives' then
    redrives = tonumber(value) or 0
  elseif string.sub(name, 1, 5) ~= '_dlq_' then
    append(args, { name, value })
  end
end
if state == 'trimmed' or #args == 2 then return { 'tombstone' } end
append(args, { '_ucp_origin', origin, '_ucp_redrives', string.format('%d', redrives + 1) })
if #args > ARGS_MAX then return { 'refused', 'the entry has too many fields to move' } end
local new = redis.call('XADD', unpack(args))
redis.call('XDEL', d, id)
return { 'ok', new }
