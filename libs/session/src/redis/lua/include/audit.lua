-- An audit entry is one entry of a stream: outcome, action, actor, target, ip, details (JSON that no script reads), and
-- `at` where that is not the instant in its ID. IDs are given here, so that those of both streams are in one order.
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

-- Acts are trimmed by age alone; what anybody can cause is capped, too.
local function add_entry(log, outcome, fields)
  local id = next_entry_id(log)
  local stream = (outcome == 'ok' or outcome == 'unknown') and log.acts or log.denials
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

local function trim(log)
  local oldest = digits(log.now - log.retention_ms)
  redis.call('XTRIM', log.acts, 'MINID', '=', oldest)
  redis.call('XTRIM', log.denials, 'MINID', '=', oldest)
  redis.call('XTRIM', log.denials, 'MAXLEN', '=', digits(log.max_denials))
end

local function tidy(log)
  recover_abandoned(log)
  trim(log)
end
