-- Shared head of every script. Scripts check everything before their first write, so that an error means that
-- nothing was changed. ARGV[1] is the token of a single active worker's lease, or empty; with a token the lease is the
-- last key.
local ARGS_MAX = 7900

-- The command as a rule names it, and the key it is for.
local function named(command, first, second)
  if command == 'XGROUP' or command == 'XINFO' then return string.lower(command .. '|' .. first), second end
  return string.lower(command), first
end

-- In what a user may not do.
local function refusal(...)
  local command, key = named(...)
  return 'NOPERM this user may not run ' .. command .. (key and ' on ' .. key or '')
end

local function unknown(...) return "ERR unknown command '" .. named(...) .. "'" end

-- No server says which command of a script it does not have, and Redis 7.0 not which one a user may not run: a failing
-- call says it here. What has no acl_check_cmd is older, and takes no table as an error.
local server = redis
local redis = setmetatable({}, { __index = server })
if server.acl_check_cmd then
  function redis.pcall(...)
    local reply = server.pcall(...)
    if type(reply) ~= 'table' or not reply.err then return reply end
    if string.find(reply.err, "can't run this command", 1, true) then reply.err = refusal(...) end
    if string.find(reply.err, 'Unknown Redis command', 1, true) then reply.err = unknown(...) end
    return reply
  end
  function redis.call(...)
    local reply = redis.pcall(...)
    if type(reply) ~= 'table' or not reply.err then return reply end
    return error(reply)
  end
end

if ARGV[1] ~= '' and redis.call('GET', KEYS[#KEYS]) ~= ARGV[1] then
  return redis.error_reply('UCPFENCED another worker holds the lease; nothing was changed')
end

-- A delivery count in decimal. Lua's numbers are exact to 2^53 only, and a count may be the greatest there is.
local function decimal(count)
  if count >= 2 ^ 63 then return '9223372036854775807' end
  return string.format('%.0f', count)
end

-- Owner, deliveries and idle time of a pending entry; nil when it is not pending.
local function pending(stream, group, id)
  local row = redis.call('XPENDING', stream, group, id, id, 1)[1]
  if row then return row[2], decimal(row[4]), row[3] end
end

-- Names and values of an entry in turn; nil when it is not in the stream.
local function body(stream, id)
  local entry = redis.call('XRANGE', stream, id, id)[1]
  return entry and entry[2]
end

-- Whether the pending entry still is who it was: an empty owner or count matches any.
local function is_held(owner, count, wanted_owner, wanted_count)
  return (wanted_owner == '' or owner == wanted_owner) and (wanted_count == '' or tonumber(count) == tonumber(wanted_count))
end

-- An error when the key holds something that is neither nothing nor `kind`.
local function wrong_type(key, kind)
  local found = redis.call('TYPE', key)['ok']
  if found ~= 'none' and found ~= kind then
    return redis.error_reply('WRONGTYPE ' .. key .. ' is a ' .. found .. ', not a ' .. kind .. '; nothing was changed')
  end
end

-- An error when the stream has fewer than `adds` ids left to give: an XADD would fail although everything else allows it.
-- Such an id is beyond what Lua's numbers can tell apart, but for its last digits.
local function exhausted(stream, adds)
  if redis.call('EXISTS', stream) == 0 then return nil end
  local info = redis.call('XINFO', 'STREAM', stream)
  for i = 1, #info, 2 do
    local last = info[i] == 'last-generated-id' and string.match(info[i + 1], '^18446744073709551615%-184467440737(%d%d%d%d%d%d%d%d)$')
    if last and 9551615 - tonumber(last) < adds then
      return redis.error_reply('ERR ' .. stream .. ' has exhausted the last possible ID; nothing was changed')
    end
  end
end

-- An error when the user may not run the command, or the server does not have it.
local function denied(...)
  if not redis.acl_check_cmd then return nil end
  local is_known, is_allowed = pcall(redis.acl_check_cmd, ...)
  if not is_known then return redis.error_reply(unknown(...) .. '; nothing was changed') end
  if not is_allowed then return redis.error_reply(refusal(...) .. '; nothing was changed') end
end

-- Acknowledges an entry. With `deletes` it is deleted with that: in a group's retry stream nobody else reads it. Returns
-- how many were acknowledged.
local function acknowledge(stream, group, id, deletes)
  local count = redis.call('XACK', stream, group, id)
  if deletes == '1' then redis.call('XDEL', stream, id) end
  return count
end

-- An error when the user may not do that.
local function may_not_acknowledge(stream, group, id, deletes)
  return denied('XACK', stream, group, id) or deletes == '1' and denied('XDEL', stream, id)
end

local function append(list, values)
  for i = 1, #values do list[#list + 1] = values[i] end
  return list
end

-- XADD arguments up to the fields; an empty maxlen does not cut.
local function xadd_head(stream, maxlen)
  if maxlen == '' then return { stream, '*' } end
  return { stream, 'MAXLEN', '~', maxlen, '*' }
end

-- What a script adds at the end of an entry is read there only, as it was written: a field of the same name anywhere else
-- is the event's own. `model::own_fields` has the same rule for the rest of the tool.

-- Where what a requeue or a redrive added begins among the names and values up to `last`, and its origin, attempts and
-- redrives; behind `last` when neither added any.
local function moves_at(fields, last)
  local at = last + 1
  local function take(name, pattern)
    local value = fields[at - 2] == name and fields[at - 1]
    if value and (string.find(value, pattern) or value == '' and name == '_ucp_origin') then
      at = at - 2
      return value
    end
  end
  local redrives = take('_ucp_redrives', '^%d+$')
  local attempts = take('_ucp_attempts', '^%d+$')
  local origin = (redrives or attempts) and take('_ucp_origin', '^%d+%-%d+$')
  if origin then return at, origin, attempts, redrives end
  return last + 1
end

-- Appends the first `last` names and values, then what a requeue or a redrive says of the copy: counts as numbers where
-- they went up, else as they were.
local function append_moved(args, fields, last, origin, attempts, redrives)
  for i = 1, last do args[#args + 1] = fields[i] end
  append(args, { '_ucp_origin', origin })
  local function add(name, count)
    if type(count) == 'number' then count = decimal(count) end
    if count then append(args, { name, count }) end
  end
  add('_ucp_attempts', attempts)
  add('_ucp_redrives', redrives)
end

-- What a dead letter ends with.
local DEAD_LETTER = { '_dlq_stream', '_dlq_group', '_dlq_id', '_dlq_consumer', '_dlq_deliveries', '_dlq_reason',
  '_dlq_time', '_dlq_body' }

-- Where a dead letter's provenance begins among names and values; nil when it has none. One that was itself moved
-- within the dead-letter stream says so behind it.
local function provenance_at(fields)
  local first = moves_at(fields, #fields) - 2 * #DEAD_LETTER
  for i, name in ipairs(DEAD_LETTER) do
    if fields[first + 2 * (i - 1)] ~= name then return nil end
  end
  return first
end

-- A list of names and values in turn as a table.
local function pairs_of(list)
  local fields = {}
  for i = 1, #list, 2 do fields[list[i]] = list[i + 1] end
  return fields
end

-- How many groups of a stream stay: all but those of replays (topology/temporary.rs).
local function lasting_groups(stream)
  local count = 0
  for _, info in ipairs(redis.call('XINFO', 'GROUPS', stream)) do
    if string.sub(pairs_of(info)['name'], 1, 12) ~= '_ucp_replay:' then count = count + 1 end
  end
  return count
end

-- What the server says of a group; nil when there is none.
local function group_info(stream, group)
  if redis.call('EXISTS', stream) == 0 then return nil end
  for _, info in ipairs(redis.call('XINFO', 'GROUPS', stream)) do
    local fields = pairs_of(info)
    if fields['name'] == group then return fields end
  end
end

-- Last delivered id and number of pending entries of a group; nil when there is none.
local function group_state(stream, group)
  local info = group_info(stream, group)
  if info then return info['last-delivered-id'], info['pending'] end
end

-- Whether one id comes before another: as text of one length, since numbers are exact to 2^53 only.
local function before(one, other)
  local function padded(id)
    local ms, seq = string.match(id, '^(%d+)%-(%d+)$')
    return string.rep('0', 20 - #ms) .. ms .. string.rep('0', 20 - #seq) .. seq
  end
  return padded(one) < padded(other)
end

-- The groups of a stream with their last delivered ids.
local function readers_of(stream)
  local readers = {}
  if redis.call('EXISTS', stream) == 0 then return readers end
  for _, info in ipairs(redis.call('XINFO', 'GROUPS', stream)) do
    local fields = pairs_of(info)
    readers[#readers + 1] = { fields['name'], fields['last-delivered-id'], fields['pending'] }
  end
  return readers
end

-- The first of the groups to which an entry was delivered; nil for none. A group that was moved back may still have it
-- pending.
local function delivered_to(stream, readers, id)
  for _, reader in ipairs(readers) do
    if not before(reader[2], id) or reader[3] > 0 and pending(stream, reader[1], id) then return reader[1] end
  end
end

-- What is kept of a group's losses.
local function losses_of(kept)
  local text = kept or ''
  local function number(name) return tonumber(string.match(text, '"' .. name .. '":(%d+)') or 0) end
  local function word(name) return string.match(text, '"' .. name .. '":"([%w?-]*)"') or '' end
  return { total = number('total'), is_bound = number('is_bound'), accepted = number('accepted'), gaps = number('gaps'),
    from = word('from'), to = word('to'), counted_by = word('counted_by') }
end

local function losses_text(it)
  return string.format('{"total":%s,"is_bound":%s,"accepted":%s,"gaps":%s,"from":"%s","to":"%s","counted_by":"%s"}',
    decimal(it.total), decimal(it.is_bound), decimal(it.accepted), decimal(it.gaps), it.from, it.to, it.counted_by)
end

-- How many entries up to `id` a group that stands there counts as read, so that nothing is missing: exact at the end of the
-- stream and before its first entry; elsewhere what was counted, or nil.
local function entries_read_at(stream, id, counted)
  if redis.call('EXISTS', stream) == 0 then return '0' end
  local info = pairs_of(redis.call('XINFO', 'STREAM', stream))
  local last = info['last-generated-id']
  if id == '$' or not before(id, last) then return decimal(info['entries-added']) end
  local first = info['first-entry'] and info['first-entry'][1] or last
  if before(id, first) then return decimal(info['entries-added'] - info['length']) end
  if counted ~= '' then return counted end
end

-- Why a group is not as it was seen; nil when it is.
local function group_differs(stream, group, seen_last, seen_pending)
  local last, count = group_state(stream, group)
  if not last then return { 'gone' } end
  if last ~= seen_last or count ~= tonumber(seen_pending) then return { 'changed', last, count } end
end
