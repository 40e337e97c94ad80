-- Moves a dead letter back to a stream, once. KEYS: dead-letter stream, destination.
-- ARGV: token, id, '1' when every group of the destination may see it, '1' when the destination may be created.
-- Returns {'ok', new id} | {'gone'} | {'tombstone'} | {'nodest'} | {'refused', why}.
local d, s, id = KEYS[1], KEYS[2], ARGV[2]
local bad = wrong_type(s, 'stream') or denied('XADD', s, '*', 'f', 'v') or denied('XDEL', d, id)
if bad then return bad end
local fields = body(d, id)
if not fields then return { 'gone' } end
if ARGV[4] ~= '1' and redis.call('EXISTS', s) == 0 then return { 'nodest' } end
if ARGV[3] ~= '1' and redis.call('EXISTS', s) == 1 and lasting_groups(s) > 1 then
  return { 'refused', 'other groups of the stream would see it again' }
end
local dead = provenance_at(fields)
local last = dead and dead - 1 or #fields
local at, origin, attempts, redrives = moves_at(fields, last)
if dead and fields[dead + 15] ~= 'present' or at == 1 then return { 'tombstone' } end
-- One that does not say where it came from begins as what it is now.
if not origin or origin == '' then origin = dead and fields[dead + 5] or id end
local args = { s, '*' }
append_moved(args, fields, at - 1, origin, attempts, (tonumber(redrives) or 0) + 1)
if #args > ARGS_MAX then return { 'refused', 'the entry has too many fields to move' } end
local new = redis.call('XADD', unpack(args))
redis.call('XDEL', d, id)
return { 'ok', new }
