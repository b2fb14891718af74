-- An audit entry is one entry of a stream: outcome, action, actor, target, ip, details (JSON that no script reads), and
-- `at` where that is not the instant in its ID, `routine` of an everyday act. IDs are given here, so that those of all streams are
-- in one order.
local function next_entry_id(log)
  local ms, sequence = log.now, 0
  local last = redis.call('GET', log.last)
  if last then
    local last_ms, last_sequence = string.match(last, '^(%d+)-(%d+)$')
    last_ms = tonumber(last_ms)
    if last_ms >= ms then ms, sequence = last_ms, tonumber(last_sequence) + 1 end
  end
  local id = digits(ms) .. '-' .. digits(sequence)
  redis.call('SET', log.last, id, 'PX', digits(log.retention_ms))
  return id
end

-- Everyday acts, and what anybody can cause, have bounds of their own, so that no flood of either pushes out other acts.
local function add_entry(log, outcome, fields)
  local id, is_routine = next_entry_id(log), false
  for i = 1, #fields, 2 do is_routine = is_routine or fields[i] == 'routine' end
  local is_act = outcome == 'ok' or outcome == 'unknown'
  local stream = not is_act and log.denials or is_routine and log.routine or log.acts
  redis.call('XADD', stream, id, 'outcome', outcome, unpack(fields))
  redis.call('PEXPIRE', stream, digits(log.retention_ms))
  return id
end

-- What was begun so long ago that nobody will settle it becomes an entry.
local function recover_abandoned(log)
  local until_id = digits(log.now - log.abandoned_after_ms - 1)
  for _, entry in ipairs(redis.call('XRANGE', log.pending, '-', until_id, 'COUNT', 500)) do
    local fields = entry[2]
    fields[#fields + 1], fields[#fields + 2] = 'at', string.match(entry[1], '^%d+')
    redis.call('XDEL', log.pending, entry[1])
    add_entry(log, 'unknown', fields)
  end
end

-- Trims by age and by number. What the number costs is noted: the instant of the first entry that is left.
local function trim_stream(log, name, most)
  local stream = log[name]
  redis.call('XTRIM', stream, 'MINID', '=', digits(log.now - log.retention_ms))
  if redis.call('XTRIM', stream, 'MAXLEN', '=', most) == 0 then return end
  local first = redis.call('XRANGE', stream, '-', '+', 'COUNT', 1)[1]
  redis.call('HSET', log.dropped, name, string.match(first[1], '^%d+'))
  redis.call('PEXPIRE', log.dropped, digits(log.retention_ms))
end

local function trim(log)
  trim_stream(log, 'acts', log.max_acts)
  trim_stream(log, 'routine', log.max_routine)
  trim_stream(log, 'denials', log.max_denials)
end

local function tidy(log)
  recover_abandoned(log)
  trim(log)
end
