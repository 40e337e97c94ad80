-- Accepts what a group lost, if no more was lost than was seen. KEYS: the kept losses. ARGV: token, total as it was seen.
-- Returns {'ok'} | {'changed', total}.
local m = KEYS[1]
local losses = losses_of(redis.call('GET', m))
if losses.total ~= tonumber(ARGV[2]) then return { 'changed', decimal(losses.total) } end
local bad = denied('SET', m, 'v')
if bad then return bad end
losses.accepted = losses.total
redis.call('SET', m, losses_text(losses))
return { 'ok' }
