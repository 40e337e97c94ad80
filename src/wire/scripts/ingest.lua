-- Adds entries to several streams together or not at all. KEYS: streams.
-- ARGV: token, then for each stream maxlen (may be empty), the number of its names and values, and those.
-- Returns the new ids, or {'refused', why}.
local adds, at = {}, 2
for k = 1, #KEYS do
  local bad = wrong_type(KEYS[k], 'stream') or denied('XADD', KEYS[k], '*', 'f', 'v')
  if k > 1 then bad = bad or exhausted(KEYS[k], 1) end
  if bad then return bad end
  local args = xadd_head(KEYS[k], ARGV[at])
  local last = at + 1 + tonumber(ARGV[at + 1])
  for i = at + 2, last do args[#args + 1] = ARGV[i] end
  if #args > ARGS_MAX then return { 'refused', 'the entry has too many fields' } end
  adds[#adds + 1] = args
  at = last + 1
end
local ids = { 'ok' }
for _, args in ipairs(adds) do ids[#ids + 1] = redis.call('XADD', unpack(args)) end
return ids
