-- Claims entries that still are as they were seen. KEYS: stream.
-- ARGV: token, group, consumer, 'raise', 'keep' or 'reset' (the delivery count; to 1), then for each entry id, owner, count,
-- least idle ms.
-- Returns for each id {'ok', count, fields} | {'gone'} | {'moved', owner, count} | {'fresh', owner, count}
-- | {'ghost', owner, count}: an entry whose body is gone stays pending, since XCLAIM would drop it without a word.
local s, g, c, mode = KEYS[1], ARGV[2], ARGV[3], ARGV[4]
local bad = denied('XCLAIM', s, g, c, 0, '0-1')
if bad then return bad end
local function claim(id, wanted_owner, wanted_count, idle_min)
  local owner, count, idle = pending(s, g, id)
  if not owner then return { 'gone' } end
  if not is_held(owner, count, wanted_owner, wanted_count) then return { 'moved', owner, count } end
  if idle >= 0 and idle < idle_min then return { 'fresh', owner, count } end
  local fields = body(s, id)
  if not fields then return { 'ghost', owner, count } end
  if mode == 'raise' then count = decimal(tonumber(count) + 1) elseif mode == 'reset' then count = '1' end
  redis.call('XCLAIM', s, g, c, 0, id, 'RETRYCOUNT', count, 'JUSTID')
  return { 'ok', count, fields }
end
local outcome = {}
for i = 5, #ARGV, 4 do
  outcome[#outcome + 1] = claim(ARGV[i], ARGV[i + 1], ARGV[i + 2], tonumber(ARGV[i + 3]))
end
return outcome
