-- Adds an entry unless its key was used before. KEYS: stream, memory of the key.
-- ARGV: token, hash of what was supplied, milliseconds to remember it, maxlen (may be empty), names and values.
-- Returns {'new', id} | {'known', id} | {'conflict', id} | {'refused', why}.
local s, memory = KEYS[1], KEYS[2]
local bad = wrong_type(s, 'stream')
  or denied('XADD', s, '*', 'f', 'v') or denied('SET', memory, 'v', 'PX', ARGV[3])
if bad then return bad end
if wrong_type(memory, 'string') then return { 'refused', memory .. ' does not hold an entry id and a hash' } end
local known = redis.call('GET', memory)
if known then
  local id, hash = string.match(known, '^(%d+%-%d+) (%x+)$')
  if not id then return { 'refused', memory .. ' does not hold an entry id and a hash' } end
  return { hash == ARGV[2] and 'known' or 'conflict', id }
end
local args = xadd_head(s, ARGV[4])
for i = 5, #ARGV do args[#args + 1] = ARGV[i] end
if #args > ARGS_MAX then return { 'refused', 'the entry has too many fields' } end
local id = redis.call('XADD', unpack(args))
redis.call('SET', memory, id .. ' ' .. ARGV[2], 'PX', ARGV[3])
return { 'new', id }
