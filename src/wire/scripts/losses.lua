-- Finds out whether entries were trimmed or deleted before they were delivered to a group, and records that before anything reads on: a
-- tombstone in the dead-letter stream and the total beside the stream. Reads are then counted as if the group had been
-- delivered what it lost, so that a gap is found once, whoever looks and however the server counts.
-- KEYS: stream, dead-letter stream, the kept losses. ARGV: token, group, consumer, RFC 3339 time, the run of a server that
-- may have forgotten reads (empty: it counts well), reason, position and its number where somebody counted (or empty).
-- Returns {'none'} | {'lost', count, 'known' | 'at_most', from, to, tombstone's id} | {'unrecorded', why, count, quality, from, to}.
local s, d, m, g = KEYS[1], KEYS[2], KEYS[3], ARGV[2]
local run = ARGV[5]
local group = group_info(s, g)
if not group then return { 'none' } end
local stream = pairs_of(redis.call('XINFO', 'STREAM', s))
local position, read = group['last-delivered-id'], group['entries-read']
local last = stream['last-generated-id']
local first = stream['first-entry'] and stream['first-entry'][1] or last
local added, deleted = stream['entries-added'], stream['max-deleted-entry-id']
local kept = redis.call('GET', m)
local losses = losses_of(kept)
local counts = run == '' or losses.counted_by == run
local is_below, is_at_end = before(position, first), not before(position, last)

-- Counts the reads up to the position as so many, the lost ones included.
local function count_as(number)
  if group['entries-read'] ~= number then redis.call('XGROUP', 'SETID', s, g, position, 'ENTRIESREAD', number) end
end

local lost, quality, upto = 0, 'known', first
local number = added - stream['length']
-- A group that never read has no counter. One that was moved back there has none either, but has left its traces.
local is_new = not read and position == '0-0' and not kept and group['consumers'] == 0 and group['pending'] == 0
if is_below then
  if is_new then read = 0 end
  if not read or not counts and not (position == '0-0' and read == 0) then return { 'none' } end
  lost = number - read
  if before(position, deleted) then quality = 'at_most' end
elseif deleted == '0-0' and counts and read then
  -- Where nothing was ever deleted, every entry up to the position was read, or lost before.
  upto = position
  if is_at_end then number = added elseif ARGV[7] == position then number = tonumber(ARGV[8]) else number = read end
  lost = number - read
end

if lost <= 0 then
  if is_new and not denied('XGROUP', 'SETID', s, g, position) then count_as(number) end
  local is_news = position ~= '0-0' and not kept
  local is_counted_anew = not counts and is_at_end and run ~= '?'
  if is_news or is_counted_anew then
    if denied('SET', m, 'v') or denied('XGROUP', 'SETID', s, g, position) then return { 'none' } end
    if is_counted_anew then
      count_as(added)
      losses.counted_by = run
    end
    -- With its memory full the server refuses this, and the group is read all the same.
    redis.pcall('SET', m, losses_text(losses))
  end
  return { 'none' }
end

local from = position
if not is_below then from = losses.to ~= '' and losses.to or '0-0' end
if is_below and losses.to ~= '' and before(position, losses.to) then from = losses.to end
local count = decimal(lost)
local function unrecorded(why) return { 'unrecorded', why, count, quality, from, upto } end
local bad = wrong_type(d, 'stream') or denied('XADD', d, '*', 'f', 'v') or denied('SET', m, 'v')
  or denied('XGROUP', 'SETID', s, g, position) or exhausted(d, 1)
if bad then return unrecorded(bad.err) end
local new = redis.pcall('XADD', d, '*', '_dlq_from', from, '_dlq_to', upto, quality == 'known' and '_dlq_count' or '_dlq_bound',
  count, '_dlq_stream', s, '_dlq_group', g, '_dlq_id', upto, '_dlq_consumer', ARGV[3], '_dlq_deliveries', '0',
  '_dlq_reason', ARGV[6], '_dlq_time', ARGV[4], '_dlq_body', 'trimmed_undelivered')
if type(new) == 'table' then return unrecorded(new.err) end
count_as(number)
losses.total, losses.gaps, losses.from, losses.to = losses.total + lost, losses.gaps + 1, from, upto
if quality ~= 'known' then losses.is_bound = 1 end
redis.call('SET', m, losses_text(losses))
return { 'lost', count, quality, from, upto, new }
