-- Exactly-once effect: publishes a handler's output and acknowledges its input, or neither.
-- KEYS: stream, outputs. ARGV: token, group, consumer, '1' when the input is deleted, id, count, outputs, then for each
-- output maxlen (may be empty), the number of its names and values, and those.
-- Returns {'ok', ids} | {'gone'} | {'moved', owner, count} | {'refused', why}.
local s, g, c, deletes, id, outputs = KEYS[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5], tonumber(ARGV[7])
local owner, count = pending(s, g, id)
if not owner then return { 'gone' } end
if not is_held(owner, count, c, ARGV[6]) then return { 'moved', owner, count } end
local bad = may_not_acknowledge(s, g, id, deletes)
if bad then return bad end
local adds, to, at = {}, {}, 8
for k = 2, outputs + 1 do
  bad = wrong_type(KEYS[k], 'stream') or denied('XADD', KEYS[k], '*', 'f', 'v')
  to[KEYS[k]] = (to[KEYS[k]] or 0) + 1
  -- What fails first has changed nothing; what fails later would.
  if k > 2 then bad = bad or exhausted(KEYS[k], to[KEYS[k]]) end
  if bad then return bad end
  local args = xadd_head(KEYS[k], ARGV[at])
  local last = at + 1 + tonumber(ARGV[at + 1])
  for i = at + 2, last do args[#args + 1] = ARGV[i] end
  if #args > ARGS_MAX then return { 'refused', 'the output has too many fields' } end
  adds[#adds + 1] = args
  at = last + 1
end
local outcome = { 'ok' }
for k, args in ipairs(adds) do
  local added = redis.pcall('XADD', unpack(args))
  if type(added) == 'table' then return redis.error_reply(added.err .. ' (adding to ' .. KEYS[k + 1] .. ')') end
  outcome[#outcome + 1] = added
end
acknowledge(s, g, id, deletes)
return outcome
