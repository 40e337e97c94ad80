-- Makes pending entries due at once. KEYS: stream, the key in which their owners look. ARGV: token, group, a stamp, how long
-- that key is kept in milliseconds, the greatest number of its fields, then id, owner (empty: nobody), count and '1' to let
-- anybody claim it, for each.
-- Returns for each: 'due' (anybody may claim it) | 'asked' (its owner is told) | 'moved' | 'gone' | 'ghost' | 'full'.
local s, due, g = KEYS[1], KEYS[2], ARGV[2]
local stamp, kept_ms, fields_max = ARGV[3], ARGV[4], tonumber(ARGV[5])
local bad = wrong_type(due, 'hash') or denied('XCLAIM', s, g, g, 0, '0-1') or denied('HSET', due, 'f', 'v')
  or denied('PEXPIRE', due, 1)
if bad then return bad end
local fields = redis.call('HLEN', due)
local outcome = {}
for i = 6, #ARGV, 4 do
  local id, wanted_owner, wanted_count, for_all = ARGV[i], ARGV[i + 1], ARGV[i + 2], ARGV[i + 3]
  local owner, count = pending(s, g, id)
  local result
  if not owner then result = 'gone'
  elseif owner ~= wanted_owner or not is_held(owner, count, '', wanted_count) then result = 'moved'
  elseif not body(s, id) then result = 'ghost'
  elseif fields >= fields_max then result = 'full'
  else
    redis.call('HSET', due, id, count .. ' ' .. stamp)
    fields = fields + 1
    result = 'asked'
    if for_all == '1' then
      redis.call('XCLAIM', s, g, owner, 0, id, 'TIME', 0, 'RETRYCOUNT', count, 'JUSTID')
      result = 'due'
    end
  end
  outcome[#outcome + 1] = result
end
if redis.call('EXISTS', due) == 1 then redis.call('PEXPIRE', due, kept_ms) end
return outcome
