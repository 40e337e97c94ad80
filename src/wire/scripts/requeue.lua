-- Copies a pending entry to the end of a stream and acknowledges the old one.
-- KEYS: stream, destination (the stream itself or the group's retry stream).
-- ARGV: token, group, owner, id, count (owner and count empty: any), '1' when other groups may see it again, least idle ms,
-- '1' when the old one is deleted.
-- Returns {'ok', new id} | {'gone'} | {'moved', owner, count} | {'ghost', owner, count} | {'refused', why}.
local s, d, g, id = KEYS[1], KEYS[2], ARGV[2], ARGV[4]
local bad = wrong_type(d, 'stream') or denied('XADD', d, '*', 'f', 'v') or may_not_acknowledge(s, g, id, ARGV[8])
if bad then return bad end
if ARGV[6] ~= '1' and d == s and lasting_groups(s) > 1 then
  return { 'refused', 'other groups of the stream would see it again' }
end
local owner, count, idle = pending(s, g, id)
if not owner then return { 'gone' } end
if not is_held(owner, count, ARGV[3], ARGV[5]) then return { 'moved', owner, count } end
if idle >= 0 and idle < tonumber(ARGV[7]) then return { 'refused', 'its worker renewed it since it was looked at' } end
local fields = body(s, id)
if not fields then return { 'ghost', owner, count } end
local at, origin, attempts, redrives = moves_at(fields, #fields)
-- The mark of XNACK FATAL is no number of attempts.
if count == '9223372036854775807' then count = '0' end
local args = { d, '*' }
append_moved(args, fields, at - 1, origin or id, (tonumber(attempts) or 0) + tonumber(count), redrives)
if #args > ARGS_MAX then return { 'refused', 'the entry has too many fields to move' } end
local new = redis.call('XADD', unpack(args))
acknowledge(s, g, id, ARGV[8])
return { 'ok', new }
