-- Moves a pending entry to the dead-letter stream; one whose body is gone becomes a tombstone there.
-- KEYS: stream, dead-letter stream. ARGV: token, group, owner, id, count (owner and count empty: any), reason, RFC 3339
-- time, and, where the stream is the group's retry stream, the stream it belongs to (else empty). From there it is deleted,
-- and its provenance is the entry that it is a copy of.
-- Returns {'ok', new id, 'present' | 'trimmed', deliveries} | {'gone'} | {'moved', owner, count} | {'refused', why}.
local s, d, g, id, home = KEYS[1], KEYS[2], ARGV[2], ARGV[4], ARGV[8]
local deletes = home ~= '' and '1' or ''
local bad = wrong_type(d, 'stream') or denied('XADD', d, '*', 'f', 'v') or may_not_acknowledge(s, g, id, deletes)
if bad then return bad end
local owner, count = pending(s, g, id)
if not owner then return { 'gone' } end
if not is_held(owner, count, ARGV[3], ARGV[5]) then return { 'moved', owner, count } end
local fields = body(s, id)
local state = fields and 'present' or 'trimmed'
local args = append({ d, '*' }, fields or {})
local from, of = s, id
if fields and home ~= '' then
  local _, origin = moves_at(fields, #fields)
  from = home
  if origin and origin ~= '' then of = origin end
end
append(args, { '_dlq_stream', from, '_dlq_group', g, '_dlq_id', of, '_dlq_consumer', owner, '_dlq_deliveries', count,
  '_dlq_reason', ARGV[6], '_dlq_time', ARGV[7], '_dlq_body', state })
if #args > ARGS_MAX then return { 'refused', 'the entry has too many fields to move' } end
local new = redis.call('XADD', unpack(args))
acknowledge(s, g, id, deletes)
return { 'ok', new, state, count }
