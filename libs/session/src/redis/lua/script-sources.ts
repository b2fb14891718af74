// Generated from lua/*.lua by `npm run generate:lua`. Do not edit.

export const SCRIPT_SOURCES = {
  'audit-append': {
    sha1: 'f4939345fc30309f1191d88b3b4583be3b9a8e37',
    lua: String.raw`#!lua
local function now_ms()
  local time = redis.call('TIME')
  return time[1] * 1000 + math.floor(time[2] / 1000)
end
local function digits(number)
  return string.format('%.0f', number)
end
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
local function add_entry(log, outcome, fields)
  local id = next_entry_id(log)
  local stream = (outcome == 'ok' or outcome == 'unknown') and log.acts or log.denials
  redis.call('XADD', stream, id, 'outcome', outcome, unpack(fields))
  redis.call('PEXPIRE', stream, digits(log.retention_ms))
  return id
end
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
local log = { acts = KEYS[1], denials = KEYS[2], pending = KEYS[3], last = KEYS[4], now = now_ms(),
  retention_ms = tonumber(ARGV[7]), max_denials = tonumber(ARGV[8]), abandoned_after_ms = tonumber(ARGV[9]) }
recover_abandoned(log)
local id = add_entry(log, ARGV[1],
  { 'action', ARGV[2], 'actor', ARGV[3], 'target', ARGV[4], 'ip', ARGV[5], 'details', ARGV[6] })
trim(log)
return id
`,
  },
  'audit-begin-when-full': {
    sha1: '62f8fe353c09e95c9fe3b753b0de8a21accda1a0',
    lua: String.raw`#!lua flags=allow-oom
local begun = tonumber(redis.call('GET', KEYS[2]) or 0)
if begun >= tonumber(ARGV[6]) then return redis.error_reply('OOM too many acts while Redis is full') end
if begun == 0 then
  redis.call('SET', KEYS[2], 1, 'PX', 3600000)
else
  redis.call('SET', KEYS[2], begun + 1, 'KEEPTTL')
end
return redis.call('XADD', KEYS[1], '*', 'action', ARGV[1], 'actor', ARGV[2], 'target', ARGV[3], 'ip', ARGV[4],
  'details', ARGV[5])
`,
  },
  'audit-begin': {
    sha1: '2fd2f3785eca9f7ed91d4987da2279082fac7702',
    lua: String.raw`#!lua
return redis.call('XADD', KEYS[1], '*', 'action', ARGV[1], 'actor', ARGV[2], 'target', ARGV[3], 'ip', ARGV[4],
  'details', ARGV[5])
`,
  },
  'audit-read': {
    sha1: 'b652f1e72c393e9154168b302229805cc9333f90',
    lua: String.raw`#!lua flags=allow-oom
local function now_ms()
  local time = redis.call('TIME')
  return time[1] * 1000 + math.floor(time[2] / 1000)
end
local function digits(number)
  return string.format('%.0f', number)
end
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
local function add_entry(log, outcome, fields)
  local id = next_entry_id(log)
  local stream = (outcome == 'ok' or outcome == 'unknown') and log.acts or log.denials
  redis.call('XADD', stream, id, 'outcome', outcome, unpack(fields))
  redis.call('PEXPIRE', stream, digits(log.retention_ms))
  return id
end
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
local function is_newer(a, b)
  local a_ms, a_sequence = string.match(a, '(%d+)-(%d+)')
  local b_ms, b_sequence = string.match(b, '(%d+)-(%d+)')
  if a_ms ~= b_ms then return tonumber(a_ms) > tonumber(b_ms) end
  return tonumber(a_sequence) > tonumber(b_sequence)
end
local function concerns(fields, user_id)
  for i = 1, #fields, 2 do
    if (fields[i] == 'actor' or fields[i] == 'target') and fields[i + 1] == user_id then return true end
  end
  return false
end
local log = { acts = KEYS[1], denials = KEYS[2], pending = KEYS[3], last = KEYS[4], now = now_ms(),
  retention_ms = tonumber(ARGV[5]), max_denials = tonumber(ARGV[6]), abandoned_after_ms = tonumber(ARGV[7]) }
tidy(log)
local limit, user_id, scan = tonumber(ARGV[1]), ARGV[3], tonumber(ARGV[4])
local newest = ARGV[2] == '' and '+' or '(' .. ARGV[2]
local acts = redis.call('XREVRANGE', log.acts, newest, '-', 'COUNT', scan + 1)
local denials = redis.call('XREVRANGE', log.denials, newest, '-', 'COUNT', scan + 1)
local found, next_id, act, denial = {}, '', 1, 1
for _ = 1, scan do
  local entry = acts[act]
  if entry and not (denials[denial] and is_newer(denials[denial][1], entry[1])) then
    act = act + 1
  else
    entry = denials[denial]
    denial = denial + 1
  end
  if not entry then break end
  next_id = entry[1]
  if user_id == '' or concerns(entry[2], user_id) then found[#found + 1] = entry end
  if #found == limit then break end
end
if not acts[act] and not denials[denial] then next_id = '' end
return { found, next_id }
`,
  },
  'audit-settle': {
    sha1: '5406f088db78195cceae55b05f7b3b8ece1b6d8c',
    lua: String.raw`#!lua flags=allow-oom
local function now_ms()
  local time = redis.call('TIME')
  return time[1] * 1000 + math.floor(time[2] / 1000)
end
local function digits(number)
  return string.format('%.0f', number)
end
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
local function add_entry(log, outcome, fields)
  local id = next_entry_id(log)
  local stream = (outcome == 'ok' or outcome == 'unknown') and log.acts or log.denials
  redis.call('XADD', stream, id, 'outcome', outcome, unpack(fields))
  redis.call('PEXPIRE', stream, digits(log.retention_ms))
  return id
end
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
local log = { acts = KEYS[1], denials = KEYS[2], pending = KEYS[3], last = KEYS[4], now = now_ms(),
  retention_ms = tonumber(ARGV[5]), max_denials = tonumber(ARGV[6]), abandoned_after_ms = tonumber(ARGV[7]) }
tidy(log)
local entry = redis.call('XRANGE', log.pending, ARGV[1], ARGV[1])[1]
if not entry then return 0 end
redis.call('XDEL', log.pending, ARGV[1])
local fields = entry[2]
for i = 1, #fields, 2 do
  if fields[i] == 'details' then fields[i + 1] = ARGV[4] end
  if fields[i] == 'actor' and ARGV[3] ~= '' then fields[i + 1] = ARGV[3] end
end
add_entry(log, ARGV[2], fields)
trim(log)
return 1
`,
  },
  'authenticate': {
    sha1: '450d6b9c25d7f40fb87c006fcf72c2616ed84eb7',
    lua: String.raw`#!lua flags=allow-oom
local STANDING, ROLES_FROM, BLOCK = '>I6I5I6', 18, '>I6I7I2c0'
local RECORD, PREVIOUS_TOKEN, DEVICE = '>c32I5I6I5I5I4I5BB', '>c32I6I6', '>Bc0Bc0'
local TIMES, TIMES_FROM = '>I5I6I5I5I4I5BB', 33 -- the record without its token hash
local LAST_SEEN, LAST_SEEN_END = '>c43I5c16', 48 -- a record with another lastSeenAt
local REMEMBER_ME, HAS_FAMILY = 128, 64
local UNKNOWN, LIVE, REVOKED, EXPIRED = 0, 1, 2, 3
local FACTS, QUOTA = '>BBI6I6I2I2I2', '>BI6I6I6'
local TAT, SLASH = '>I7', 47
local id = ARGV[1]
local quotas = (#ARGV - 10) / 3
for i = 11, 10 + quotas do
  if string.byte(ARGV[i], -1) == SLASH then ARGV[i] = ARGV[i] .. id end
end
local f = redis.call('HMGET', KEYS[1], 'id', 'u', 'l', 'b', 'a', id, id .. ':d', unpack(ARGV, 11, 10 + quotas))
local standing, record = f[2], f[6]
if not (record and standing and f[1]) then return { UNKNOWN } end
local hash, epoch, created_at, seen, authenticated, inactivity_ms, absolute_ms, traits, ended =
  struct.unpack(RECORD, record)
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local ends = math.huge
if hash ~= ARGV[2] or traits % REMEMBER_ME >= HAS_FAMILY then
  local function has_family(session)
    return session.traits % REMEMBER_ME >= HAS_FAMILY
  end
  local ACCESS_END, ROTATION, LAST_FAMILY = '>I6', '>I6I6I2c32c16', '>c32I6'
  local function read_rotation(key, id, now)
    local packed = redis.call('HGET', key, id .. ':g')
    if not packed then return { access_end = 0 } end
    local access_end = struct.unpack(ACCESS_END, packed)
    if #packed == 6 then return { access_end = access_end } end
    local _, at, grace, previous, salt = struct.unpack(ROTATION, packed)
    if now - at >= grace then
      redis.call('HSET', key, id .. ':g', struct.pack(ACCESS_END, access_end))
      return { access_end = access_end }
    end
    return { access_end = access_end, at = at, previous = previous, salt = salt }
  end
  local function token_end(key, id, session, hash, now, remember_ended_ms)
    if session.hash == hash then
      return has_family(session) and read_rotation(key, id, now).access_end or math.huge
    end
    local previous = redis.call('HGET', key, id .. ':p')
    if not previous then return nil end
    local previous_hash, at, good_until = struct.unpack(PREVIOUS_TOKEN, previous)
    if previous_hash ~= hash or now - at > remember_ended_ms then return nil end
    return good_until
  end
  ends = token_end(KEYS[1], id, { hash = hash, traits = traits }, ARGV[2], now, tonumber(ARGV[8]))
  if not ends then return { UNKNOWN } end
end
if ARGV[9] ~= '' and (not f[3] or now - struct.unpack('>I6', f[3]) > tonumber(ARGV[9])) then return { 4, f[1] } end
local status, inactive_after_ms = LIVE, inactivity_ms
local _, user_epoch = struct.unpack(STANDING, standing)
local ends_at = created_at + authenticated + absolute_ms
if inactivity_ms > 0 then ends_at = math.min(ends_at, created_at + seen + inactivity_ms) end
if ended ~= 0 or epoch ~= user_epoch or now >= ends_at or ARGV[10] ~= '' then
  local function user_of(f, now)
    local version, epoch, epoch_at = struct.unpack(STANDING, f[2])
    local user = { id = f[1], version = version, epoch = epoch, epoch_at = epoch_at, roles = string.sub(f[2], ROLES_FROM),
      blocked = false, ip_allowlist = f[5], reply = f }
    if f[3] then user.loaded_at = struct.unpack('>I6', f[3]) end
    if f[3] and #f[3] > 6 then user.source_version = struct.unpack('>I7', f[3], 7) end
    if f[4] then
      local _, until_at = struct.unpack(BLOCK, f[4])
      user.block_until = until_at == 0 and math.huge or until_at
      user.blocked = user.block_until > now
    end
    return user
  end
  local function has_role(roles, role)
    return string.find(' ' .. roles .. ' ', ' ' .. role .. ' ', 1, true) ~= nil
  end
  local function unpack_session(record)
    local hash, epoch, created, seen, authenticated, inactivity, absolute, traits, ended =
      struct.unpack(RECORD, record)
    return {
      hash = hash,
      epoch = epoch,
      created_at = created,
      last_seen_at = created + seen,
      authenticated_at = created + authenticated,
      inactivity_ms = inactivity,
      absolute_ms = absolute,
      traits = traits,
      ended = ended,
    }
  end
  local function pack_session(s)
    return struct.pack(RECORD, s.hash, s.epoch, s.created_at, math.max(0, s.last_seen_at - s.created_at),
      math.max(0, s.authenticated_at - s.created_at), s.inactivity_ms, s.absolute_ms, s.traits, s.ended)
  end
  local function effective_lifetime(session, roles, role_lifetimes)
    local inactivity, absolute = session.inactivity_ms, session.absolute_ms
    if role_lifetimes ~= '' then
      for role, role_inactivity, role_absolute in string.gmatch(role_lifetimes, '(%S+) (%d+) (%d+)') do
        if has_role(roles, role) then
          role_inactivity, role_absolute = tonumber(role_inactivity), tonumber(role_absolute)
          absolute = math.min(absolute, role_absolute)
          if inactivity == 0 or (role_inactivity > 0 and role_inactivity < inactivity) then
            inactivity = role_inactivity
          end
        end
      end
    end
    return inactivity, absolute
  end
  local EVICTED, TIMED_OUT, REUSED = 3, 4, 5
  local function expires_at(session, user, role_lifetimes)
    local inactivity, absolute = effective_lifetime(session, user.roles, role_lifetimes)
    local at = session.authenticated_at + absolute
    if inactivity > 0 then at = math.min(at, session.last_seen_at + inactivity) end
    return at, inactivity
  end
  local function status_of(session, user, now, remember_ended_ms, role_lifetimes)
    local status, ended_at
    if session.ended ~= 0 then
      status, ended_at = session.ended == TIMED_OUT and EXPIRED or REVOKED, session.last_seen_at
    elseif session.epoch ~= user.epoch then
      status, ended_at = REVOKED, user.epoch_at
    else
      local at, inactivity = expires_at(session, user, role_lifetimes)
      if now < at then return LIVE, nil, inactivity end
      status, ended_at = EXPIRED, at
    end
    if now - ended_at > remember_ended_ms then status = UNKNOWN end
    return status, ended_at
  end
  local function end_session(key, id, session, reason, at)
    session.last_seen_at = math.max(at, session.created_at)
    session.ended = reason
    redis.call('HSET', key, id, pack_session(session))
  end
  local function note_timeout(key, id, session, status, ended_at)
    if status ~= EXPIRED or session.ended ~= 0 then return false end
    end_session(key, id, session, TIMED_OUT, ended_at)
    return true
  end
  local session, ended_at = unpack_session(record), nil
  status, ended_at, inactive_after_ms = status_of(session, user_of(f, now), now, tonumber(ARGV[8]), ARGV[10])
  if status == UNKNOWN then return { UNKNOWN } end
  note_timeout(KEYS[1], id, session, status, ended_at)
end
if ends == 0 then
  status = REVOKED
elseif status == LIVE and now >= ends then
  status = EXPIRED -- of the token alone: the session goes on
end
local flags, more, blocked = 1, '', false
if f[4] then
  local _, until_at = struct.unpack(BLOCK, f[4])
  blocked = until_at == 0 or until_at > now
  flags, more = flags + 2, struct.pack('>I2', #f[4]) .. f[4]
end
if f[3] then flags, more = flags + 4, more .. struct.pack('>I2', #f[3]) .. f[3] end
if f[5] then flags, more = flags + 8, more .. struct.pack('>I4', #f[5]) .. f[5] end
local admitted = true
if f[5] or ARGV[4] ~= '' then
  local function has_role(roles, role)
    return string.find(' ' .. roles .. ' ', ' ' .. role .. ' ', 1, true) ~= nil
  end
  local function admits_ip(roles, ip_allowlist, address, refused_roles)
    if refused_roles == '*' then return false end
    for role in string.gmatch(refused_roles, '%S+') do
      if has_role(roles, role) then return false end
    end
    if not ip_allowlist then return true end
    local held = false
    local rest = string.gsub(ip_allowlist, '[^=;]+=([46][01]*);', function(bits)
      if string.sub(address, 1, #bits) == bits then held = true end
      return ''
    end)
    return held and rest == ''
  end
  admitted = admits_ip(string.sub(standing, ROLES_FROM), f[5], ARGV[3], ARGV[4])
  if not admitted then flags = flags - 1 end
end
if status == LIVE and not blocked and admitted then
  local writes = {}
  if quotas > 0 then
    local function bounded_tat(tat, emission, burst, now)
      return math.min(math.max(tat, now), now + burst * emission)
    end
    local function wait_us(tat, emission, burst, cost, now)
      return math.max(0, tat + (cost - burst) * emission - now)
    end
    local function describe_quota(tat, emission, burst, cost, now)
      local used = tat - now
      return math.max(0, math.floor((burst * emission - used) / emission)), wait_us(tat, emission, burst, cost, now), used
    end
    local function tat_of(stored)
      return stored and struct.unpack(TAT, stored) or 0
    end
    local at_us, tats, rooms, has_room = time[1] * 1000000 + time[2], {}, {}, true
    for i = 1, quotas do
      local policy = 9 + quotas + 2 * i
      tats[i] = bounded_tat(tat_of(f[7 + i]), ARGV[policy], ARGV[policy + 1], at_us)
      rooms[i] = wait_us(tats[i], ARGV[policy], ARGV[policy + 1], 1, at_us) == 0
      has_room = has_room and rooms[i]
    end
    for i = 1, quotas do
      local policy = 9 + quotas + 2 * i
      local emission, burst = tonumber(ARGV[policy]), tonumber(ARGV[policy + 1])
      if has_room then
        tats[i] = tats[i] + emission
        writes[2 * i - 1], writes[2 * i] = ARGV[10 + i], struct.pack(TAT, tats[i])
      end
      more = more .. struct.pack(QUOTA, rooms[i] and 1 or 0, describe_quota(tats[i], emission, burst, 1, at_us))
    end
    flags = flags + 16
  end
  if ARGV[6] == '1' then
    local function read_data(key, id)
      local stored = redis.call('HGET', key, id)
      if not stored then return 0, '' end
      return struct.unpack('>I6', stored), string.sub(stored, 7)
    end
    local version, payload = read_data(KEYS[2], id)
    flags, more = flags + 32, more .. struct.pack('>I6I4', version, #payload) .. payload
  end
  local idle = now - created_at - seen
  local is_due = idle >= tonumber(ARGV[7]) or (inactive_after_ms > 0 and idle >= math.floor(inactive_after_ms / 20))
  if is_due and idle > 0 then
    local may = true
    if ARGV[5] ~= '' then
      local function has_role(roles, role)
        return string.find(' ' .. roles .. ' ', ' ' .. role .. ' ', 1, true) ~= nil
      end
      local function may_touch(roles, groups)
        for group in string.gmatch(groups, '|([^|]*)') do
          local met = false
          for role in string.gmatch(group, '%S+') do
            if has_role(roles, role) then
              met = true
              break
            end
          end
          if not met then return false end
        end
        return true
      end
      may = may_touch(string.sub(standing, ROLES_FROM), ARGV[5])
    end
    if may then
      record = struct.pack(LAST_SEEN, record, now - created_at, string.sub(record, LAST_SEEN_END + 1))
      writes[#writes + 1] = id
      writes[#writes + 1] = record
    end
  end
  if writes[1] then redis.call('HSET', KEYS[1], unpack(writes)) end
end
local device = f[7] or ''
return struct.pack(FACTS, status, flags, now, ends == math.huge and 0 or ends, #f[1], #standing, #device)
  .. string.sub(record, TIMES_FROM) .. f[1] .. device .. standing .. more
`,
  },
  'begin-load': {
    sha1: '83d6d7a0a93d16299e47ef2db0582266cafb1771',
    lua: String.raw`#!lua
local function begin_load(key, nonce, for_ms)
  redis.call('SET', key, nonce, 'PX', for_ms, 'NX')
  return redis.call('GET', key)
end
return begin_load(KEYS[1], ARGV[1], ARGV[2])
`,
  },
  'begin-reload': {
    sha1: '8e71d9d162d96ba71c32d138cea20f5c5457330d',
    lua: String.raw`#!lua flags=allow-oom
local function begin_load(key, nonce, for_ms)
  redis.call('SET', key, nonce, 'PX', for_ms, 'NX')
  return redis.call('GET', key)
end
if redis.call('HEXISTS', KEYS[1], 'u') == 0 then return '' end
return begin_load(KEYS[2], ARGV[1], ARGV[2])
`,
  },
  'change-user': {
    sha1: 'f4c7f65da2275a864cff033b57d439af4cc87faa',
    lua: String.raw`#!lua flags=allow-oom
local function now_ms()
  local time = redis.call('TIME')
  return time[1] * 1000 + math.floor(time[2] / 1000)
end
local function digits(number)
  return string.format('%.0f', number)
end
local STANDING, ROLES_FROM, BLOCK = '>I6I5I6', 18, '>I6I7I2c0'
local function user_of(f, now)
  local version, epoch, epoch_at = struct.unpack(STANDING, f[2])
  local user = { id = f[1], version = version, epoch = epoch, epoch_at = epoch_at, roles = string.sub(f[2], ROLES_FROM),
    blocked = false, ip_allowlist = f[5], reply = f }
  if f[3] then user.loaded_at = struct.unpack('>I6', f[3]) end
  if f[3] and #f[3] > 6 then user.source_version = struct.unpack('>I7', f[3], 7) end
  if f[4] then
    local _, until_at = struct.unpack(BLOCK, f[4])
    user.block_until = until_at == 0 and math.huge or until_at
    user.blocked = user.block_until > now
  end
  return user
end
local function read_user(key, now, max_age_ms)
  local f = redis.call('HMGET', key, 'id', 'u', 'l', 'b', 'a')
  if not f[2] then return nil end
  local user = user_of(f, now)
  if max_age_ms and now - (user.loaded_at or 0) > max_age_ms then return nil end
  return user
end
local function has_role(roles, role)
  return string.find(' ' .. roles .. ' ', ' ' .. role .. ' ', 1, true) ~= nil
end
local RECORD, PREVIOUS_TOKEN, DEVICE = '>c32I5I6I5I5I4I5BB', '>c32I6I6', '>Bc0Bc0'
local TIMES, TIMES_FROM = '>I5I6I5I5I4I5BB', 33 -- the record without its token hash
local SESSION_ID_LENGTH, COLON = 16, 58
local function unpack_session(record)
  local hash, epoch, created, seen, authenticated, inactivity, absolute, traits, ended =
    struct.unpack(RECORD, record)
  return {
    hash = hash,
    epoch = epoch,
    created_at = created,
    last_seen_at = created + seen,
    authenticated_at = created + authenticated,
    inactivity_ms = inactivity,
    absolute_ms = absolute,
    traits = traits,
    ended = ended,
  }
end
local function effective_lifetime(session, roles, role_lifetimes)
  local inactivity, absolute = session.inactivity_ms, session.absolute_ms
  if role_lifetimes ~= '' then
    for role, role_inactivity, role_absolute in string.gmatch(role_lifetimes, '(%S+) (%d+) (%d+)') do
      if has_role(roles, role) then
        role_inactivity, role_absolute = tonumber(role_inactivity), tonumber(role_absolute)
        absolute = math.min(absolute, role_absolute)
        if inactivity == 0 or (role_inactivity > 0 and role_inactivity < inactivity) then
          inactivity = role_inactivity
        end
      end
    end
  end
  return inactivity, absolute
end
local UNKNOWN, LIVE, REVOKED, EXPIRED = 0, 1, 2, 3
local EVICTED, TIMED_OUT, REUSED = 3, 4, 5
local function expires_at(session, user, role_lifetimes)
  local inactivity, absolute = effective_lifetime(session, user.roles, role_lifetimes)
  local at = session.authenticated_at + absolute
  if inactivity > 0 then at = math.min(at, session.last_seen_at + inactivity) end
  return at, inactivity
end
local function status_of(session, user, now, remember_ended_ms, role_lifetimes)
  local status, ended_at
  if session.ended ~= 0 then
    status, ended_at = session.ended == TIMED_OUT and EXPIRED or REVOKED, session.last_seen_at
  elseif session.epoch ~= user.epoch then
    status, ended_at = REVOKED, user.epoch_at
  else
    local at, inactivity = expires_at(session, user, role_lifetimes)
    if now < at then return LIVE, nil, inactivity end
    status, ended_at = EXPIRED, at
  end
  if now - ended_at > remember_ended_ms then status = UNKNOWN end
  return status, ended_at
end
local function each_record(fields, visit)
  for i = 1, #fields, 2 do
    local id = fields[i]
    if #id == SESSION_ID_LENGTH and string.byte(id, 2) ~= COLON then visit(id, fields[i + 1]) end
  end
end
local function liveness(user, now, role_lifetimes)
  return function(record)
    if role_lifetimes ~= '' then
      local session = unpack_session(record)
      return status_of(session, user, now, 0, role_lifetimes) == LIVE, session.created_at
    end
    local epoch, created, seen, authenticated, inactivity, absolute, _, ended = struct.unpack(TIMES, record, TIMES_FROM)
    local is_live = ended == 0 and epoch == user.epoch and now < created + authenticated + absolute
      and (inactivity == 0 or now < created + seen + inactivity)
    return is_live, created
  end
end
local function count_live(key, user, now, role_lifetimes)
  local live, is_live = 0, liveness(user, now, role_lifetimes)
  each_record(redis.call('HGETALL', key), function(_, record)
    if is_live(record) then live = live + 1 end
  end)
  return live
end
local function start_epoch(user, now)
  user.epoch, user.epoch_at = user.epoch + 1, now
end
local function store_next_version(key, user)
  user.version = user.version + 1
  user.reply[2] = struct.pack(STANDING, user.version, user.epoch, user.epoch_at) .. user.roles
  redis.call('HSET', key, 'u', user.reply[2])
end
local function store_loaded(key, loaded_at, source_version)
  local version = source_version and struct.pack('>I7', source_version) or ''
  redis.call('HSET', key, 'l', struct.pack('>I6', loaded_at) .. version)
end
local function ip_allowlist_of(argument)
  if argument == '~' then return nil end
  return argument ~= '-' and argument
end
local function until_of(change)
  return tonumber(change.until_at) or math.huge
end
local function without_past_block(change, now)
  if change.block == 'set' and until_of(change) <= now then change.block = 'clear' end
  return change
end
local function write_block(key, change, now)
  local until_at = tonumber(change.until_at) or 0
  redis.call('HSET', key, 'b', struct.pack(BLOCK, now, until_at, #change.reason, change.reason) .. change.by)
end
local function compare_source(user, source_version)
  if not user.source_version then return 'newer' end
  if source_version < user.source_version then return 'outdated' end
  return source_version == user.source_version and 'equal' or 'newer'
end
local function only_tightening(user, change)
  if change.roles then
    local kept = {}
    for role in string.gmatch(user.roles, '%S+') do
      if has_role(change.roles, role) then kept[#kept + 1] = role end
    end
    change.roles = table.concat(kept, ' ')
  end
  local lasts_longer = change.block == 'set' and not (user.blocked and until_of(change) <= user.block_until)
  if not lasts_longer then change.block = 'keep' end
  if user.ip_allowlist or not change.ip_allowlist then change.ip_allowlist = nil end
  return change
end
local function apply_change(key, user, change, now)
  if change.roles then user.roles = change.roles end
  if change.block == 'clear' then
    redis.call('HDEL', key, 'b')
  elseif change.block == 'set' then
    write_block(key, change, now)
    start_epoch(user, now)
  end
  if change.ip_allowlist then
    redis.call('HSET', key, 'a', change.ip_allowlist)
  elseif change.ip_allowlist == false then
    redis.call('HDEL', key, 'a')
  end
end
local function announce(channel, name, key, user, session_id, more)
  local line = { name, string.match(key, '{(.-)}'), digits(user.version), digits(user.epoch), session_id or '-' }
  for _, word in ipairs(more or {}) do line[#line + 1] = word end
  line[#line + 1] = user.id
  redis.pcall('PUBLISH', channel, table.concat(line, ' '))
end
local function announce_change(channel, key, change, had_block, after)
  if change.block == 'set' then announce(channel, 'user.blocked', key, after) end
  if change.block == 'clear' and had_block then announce(channel, 'user.unblocked', key, after) end
  if change.roles then announce(channel, 'user.roles_changed', key, after) end
  if change.ip_allowlist ~= nil then announce(channel, 'user.ip_allowlist_changed', key, after) end
end
local now, if_version, source_version = now_ms(), ARGV[2], tonumber(ARGV[8])
local change = { block = ARGV[4], reason = ARGV[5], until_at = ARGV[6], by = ARGV[7], source_version = source_version,
  ip_allowlist = ip_allowlist_of(ARGV[10]) }
if ARGV[3] ~= '~' then change.roles = ARGV[3] end
local user = read_user(KEYS[1], now)
if not user then return { 'version_conflict' } end
if change.block == 'set' and until_of(change) <= now and not source_version and ARGV[9] ~= '1' then
  return { 'block_in_past' }
end
change = without_past_block(change, now)
if user.id ~= ARGV[1] then return { 'user_mismatch' } end
if if_version ~= '' and tonumber(if_version) ~= user.version then return { 'version_conflict', now, user.reply } end
if source_version then
  local source = compare_source(user, source_version)
  if source == 'outdated' then return { 'outdated', now, user.reply } end
  if source == 'equal' then change = only_tightening(user, change) end
end
local ended = 0
if change.block == 'set' and not user.blocked then ended = count_live(KEYS[1], user, now, ARGV[11]) end
if source_version or ARGV[9] == '1' then
  local loaded_at = ARGV[9] == '1' and now or user.loaded_at or 0
  store_loaded(KEYS[1], loaded_at, source_version or user.source_version)
end
apply_change(KEYS[1], user, change, now)
store_next_version(KEYS[1], user)
redis.call('DEL', KEYS[2])
local changed = read_user(KEYS[1], now)
announce_change(ARGV[12], KEYS[1], change, user.reply[4], changed)
return { 'changed', now, changed.reply, ended }
`,
  },
  'confirm-act': {
    sha1: '358566b479d817354f2acad9e6196df1a5da3054',
    lua: String.raw`#!lua flags=allow-oom
redis.call('HINCRBY', KEYS[1], ARGV[1], ARGV[2])
redis.call('PEXPIRE', KEYS[1], ARGV[3])
return 1
`,
  },
  'consume-one-time-token': {
    sha1: '8634261bb9cfef0591d4dac194e4223ff2b78f84',
    lua: String.raw`#!lua
local function now_ms()
  local time = redis.call('TIME')
  return time[1] * 1000 + math.floor(time[2] / 1000)
end
local function digits(number)
  return string.format('%.0f', number)
end
local STANDING, ROLES_FROM, BLOCK = '>I6I5I6', 18, '>I6I7I2c0'
local function user_of(f, now)
  local version, epoch, epoch_at = struct.unpack(STANDING, f[2])
  local user = { id = f[1], version = version, epoch = epoch, epoch_at = epoch_at, roles = string.sub(f[2], ROLES_FROM),
    blocked = false, ip_allowlist = f[5], reply = f }
  if f[3] then user.loaded_at = struct.unpack('>I6', f[3]) end
  if f[3] and #f[3] > 6 then user.source_version = struct.unpack('>I7', f[3], 7) end
  if f[4] then
    local _, until_at = struct.unpack(BLOCK, f[4])
    user.block_until = until_at == 0 and math.huge or until_at
    user.blocked = user.block_until > now
  end
  return user
end
local function read_user(key, now, max_age_ms)
  local f = redis.call('HMGET', key, 'id', 'u', 'l', 'b', 'a')
  if not f[2] then return nil end
  local user = user_of(f, now)
  if max_age_ms and now - (user.loaded_at or 0) > max_age_ms then return nil end
  return user
end
local function start_epoch(user, now)
  user.epoch, user.epoch_at = user.epoch + 1, now
end
local function store_next_version(key, user)
  user.version = user.version + 1
  user.reply[2] = struct.pack(STANDING, user.version, user.epoch, user.epoch_at) .. user.roles
  redis.call('HSET', key, 'u', user.reply[2])
end
local ONE_TIME = '>c32I5I6I7Bc0'
local function unpack_one_time(record)
  local hash, epoch, expires_at, issued_at, purpose, rest = struct.unpack(ONE_TIME, record)
  return {
    hash = hash,
    epoch = epoch,
    expires_at = expires_at,
    issued_at = issued_at,
    purpose = purpose,
    data = string.sub(record, rest),
  }
end
local function epoch_of(user)
  return user and user.epoch or 0
end
local function announce(channel, name, key, user, session_id, more)
  local line = { name, string.match(key, '{(.-)}'), digits(user.version), digits(user.epoch), session_id or '-' }
  for _, word in ipairs(more or {}) do line[#line + 1] = word end
  line[#line + 1] = user.id
  redis.pcall('PUBLISH', channel, table.concat(line, ' '))
end
local now = now_ms()
local record = redis.call('HGET', KEYS[2], ARGV[1])
if not record then return {} end
local token = unpack_one_time(record)
if token.hash ~= ARGV[2] then return {} end
redis.call('HDEL', KEYS[2], ARGV[1])
local subject = redis.call('HGET', KEYS[2], 'subject')
local user = read_user(KEYS[1], now)
if user and user.id ~= subject then return {} end
if token.expires_at <= now or token.epoch ~= epoch_of(user) then return {} end
if user and ARGV[3] == '1' then
  start_epoch(user, now)
  store_next_version(KEYS[1], user)
  announce(ARGV[4], 'sessions.revoked_all', KEYS[1], user)
end
return { subject, token.data, epoch_of(user) }
`,
  },
  'create-session': {
    sha1: 'fe681a39553f1cb9c03c3476f81a9845a3a012b5',
    lua: String.raw`#!lua
local function now_ms()
  local time = redis.call('TIME')
  return time[1] * 1000 + math.floor(time[2] / 1000)
end
local function digits(number)
  return string.format('%.0f', number)
end
local STANDING, ROLES_FROM, BLOCK = '>I6I5I6', 18, '>I6I7I2c0'
local function user_of(f, now)
  local version, epoch, epoch_at = struct.unpack(STANDING, f[2])
  local user = { id = f[1], version = version, epoch = epoch, epoch_at = epoch_at, roles = string.sub(f[2], ROLES_FROM),
    blocked = false, ip_allowlist = f[5], reply = f }
  if f[3] then user.loaded_at = struct.unpack('>I6', f[3]) end
  if f[3] and #f[3] > 6 then user.source_version = struct.unpack('>I7', f[3], 7) end
  if f[4] then
    local _, until_at = struct.unpack(BLOCK, f[4])
    user.block_until = until_at == 0 and math.huge or until_at
    user.blocked = user.block_until > now
  end
  return user
end
local function read_user(key, now, max_age_ms)
  local f = redis.call('HMGET', key, 'id', 'u', 'l', 'b', 'a')
  if not f[2] then return nil end
  local user = user_of(f, now)
  if max_age_ms and now - (user.loaded_at or 0) > max_age_ms then return nil end
  return user
end
local function has_role(roles, role)
  return string.find(' ' .. roles .. ' ', ' ' .. role .. ' ', 1, true) ~= nil
end
local RECORD, PREVIOUS_TOKEN, DEVICE = '>c32I5I6I5I5I4I5BB', '>c32I6I6', '>Bc0Bc0'
local TIMES, TIMES_FROM = '>I5I6I5I5I4I5BB', 33 -- the record without its token hash
local SESSION_ID_LENGTH, COLON = 16, 58
local function unpack_session(record)
  local hash, epoch, created, seen, authenticated, inactivity, absolute, traits, ended =
    struct.unpack(RECORD, record)
  return {
    hash = hash,
    epoch = epoch,
    created_at = created,
    last_seen_at = created + seen,
    authenticated_at = created + authenticated,
    inactivity_ms = inactivity,
    absolute_ms = absolute,
    traits = traits,
    ended = ended,
  }
end
local function pack_session(s)
  return struct.pack(RECORD, s.hash, s.epoch, s.created_at, math.max(0, s.last_seen_at - s.created_at),
    math.max(0, s.authenticated_at - s.created_at), s.inactivity_ms, s.absolute_ms, s.traits, s.ended)
end
local function effective_lifetime(session, roles, role_lifetimes)
  local inactivity, absolute = session.inactivity_ms, session.absolute_ms
  if role_lifetimes ~= '' then
    for role, role_inactivity, role_absolute in string.gmatch(role_lifetimes, '(%S+) (%d+) (%d+)') do
      if has_role(roles, role) then
        role_inactivity, role_absolute = tonumber(role_inactivity), tonumber(role_absolute)
        absolute = math.min(absolute, role_absolute)
        if inactivity == 0 or (role_inactivity > 0 and role_inactivity < inactivity) then
          inactivity = role_inactivity
        end
      end
    end
  end
  return inactivity, absolute
end
local UNKNOWN, LIVE, REVOKED, EXPIRED = 0, 1, 2, 3
local EVICTED, TIMED_OUT, REUSED = 3, 4, 5
local function expires_at(session, user, role_lifetimes)
  local inactivity, absolute = effective_lifetime(session, user.roles, role_lifetimes)
  local at = session.authenticated_at + absolute
  if inactivity > 0 then at = math.min(at, session.last_seen_at + inactivity) end
  return at, inactivity
end
local function status_of(session, user, now, remember_ended_ms, role_lifetimes)
  local status, ended_at
  if session.ended ~= 0 then
    status, ended_at = session.ended == TIMED_OUT and EXPIRED or REVOKED, session.last_seen_at
  elseif session.epoch ~= user.epoch then
    status, ended_at = REVOKED, user.epoch_at
  else
    local at, inactivity = expires_at(session, user, role_lifetimes)
    if now < at then return LIVE, nil, inactivity end
    status, ended_at = EXPIRED, at
  end
  if now - ended_at > remember_ended_ms then status = UNKNOWN end
  return status, ended_at
end
local function each_record(fields, visit)
  for i = 1, #fields, 2 do
    local id = fields[i]
    if #id == SESSION_ID_LENGTH and string.byte(id, 2) ~= COLON then visit(id, fields[i + 1]) end
  end
end
local function liveness(user, now, role_lifetimes)
  return function(record)
    if role_lifetimes ~= '' then
      local session = unpack_session(record)
      return status_of(session, user, now, 0, role_lifetimes) == LIVE, session.created_at
    end
    local epoch, created, seen, authenticated, inactivity, absolute, _, ended = struct.unpack(TIMES, record, TIMES_FROM)
    local is_live = ended == 0 and epoch == user.epoch and now < created + authenticated + absolute
      and (inactivity == 0 or now < created + seen + inactivity)
    return is_live, created
  end
end
local function end_session(key, id, session, reason, at)
  session.last_seen_at = math.max(at, session.created_at)
  session.ended = reason
  redis.call('HSET', key, id, pack_session(session))
end
local function note_timeout(key, id, session, status, ended_at)
  if status ~= EXPIRED or session.ended ~= 0 then return false end
  end_session(key, id, session, TIMED_OUT, ended_at)
  return true
end
local function forget_session(key, id)
  redis.call('HDEL', key, id, id .. ':d', id .. ':p', id .. ':f', id .. ':g', id .. ':r')
end
local function part_sessions(key, fields, user, at)
  local live, ended, forgotten = {}, {}, 0
  local is_live = liveness(user, at.now, at.role_lifetimes)
  each_record(fields, function(id, record)
    local lives, created_at = is_live(record)
    if lives then
      live[#live + 1] = { id = id, at = created_at, record = record }
      return
    end
    local session = unpack_session(record)
    local status, ended_at = status_of(session, user, at.now, at.remember_ended_ms, at.role_lifetimes)
    if status == UNKNOWN then
      forget_session(key, id)
      forgotten = forgotten + 1
      return
    end
    note_timeout(key, id, session, status, ended_at)
    ended[#ended + 1] = { id = id, at = ended_at }
  end)
  return live, ended, forgotten
end
local function newer(a, b)
  return a.at > b.at or (a.at == b.at and a.id > b.id)
end
local function take_oldest(entries, count, visit)
  if count == 1 then
    local oldest = 1
    for i = 2, #entries do
      if newer(entries[oldest], entries[i]) then oldest = i end
    end
    entries[oldest], entries[#entries] = entries[#entries], entries[oldest]
  elseif count > 1 then
    table.sort(entries, newer)
  end
  for _ = 1, count do visit(table.remove(entries)) end
end
local function ids_of(entries)
  local ids = {}
  for _, entry in ipairs(entries) do ids[entry.id] = true end
  return ids
end
local ACCESS_END, ROTATION, LAST_FAMILY = '>I6', '>I6I6I2c32c16', '>c32I6'
local function access_end_of(session, user, now, ttl_ms, role_lifetimes)
  return math.min(now + ttl_ms, (expires_at(session, user, role_lifetimes)))
end
local function begin_family(key, id, family_hash, refresh_hash, access_end)
  redis.call('HSET', key, id .. ':f', family_hash .. refresh_hash, id .. ':g', struct.pack(ACCESS_END, access_end))
end
local function keep_until(key, at)
  if redis.call('PEXPIRETIME', key) < at then redis.call('PEXPIREAT', key, digits(at)) end
end
local function write_data(key, id, version, payload, keep_until_at)
  redis.call('HSET', key, id, struct.pack('>I6', version) .. payload)
  keep_until(key, keep_until_at)
end
local function sweep_data(key, sessions)
  local ids = redis.call('HKEYS', key)
  if #ids == 0 then return end
  local kept = ids_of(sessions)
  for _, id in ipairs(ids) do
    if not kept[id] then redis.call('HDEL', key, id) end
  end
end
local TAT, SLASH = '>I7', 47
local function tat_of(stored)
  return stored and struct.unpack(TAT, stored) or 0
end
local function sweep_quotas(key, fields, sessions, now)
  local kept
  for i = 1, #fields, 2 do
    local field = fields[i]
    if string.sub(field, 1, 2) == 'q:' then
      local slash = string.find(field, '/', 3, true)
      if slash and not kept then kept = ids_of(sessions) end
      local is_over = slash and not kept[string.sub(field, slash + 1)]
      if is_over or tat_of(fields[i + 1]) <= now then redis.call('HDEL', key, field) end
    end
  end
end
local function write_block(key, change, now)
  local until_at = tonumber(change.until_at) or 0
  redis.call('HSET', key, 'b', struct.pack(BLOCK, now, until_at, #change.reason, change.reason) .. change.by)
end
local function make_user(key, id, change, now, new_epoch)
  redis.call('HSET', key, 'id', id, 'u', struct.pack(STANDING, now, tonumber(new_epoch), now) .. (change.roles or ''))
  if change.block == 'set' then write_block(key, change, now) end
  if change.ip_allowlist then redis.call('HSET', key, 'a', change.ip_allowlist) end
  redis.call('PERSIST', key) -- a quota that was there before must not take the record along
end
local function announce(channel, name, key, user, session_id, more)
  local line = { name, string.match(key, '{(.-)}'), digits(user.version), digits(user.epoch), session_id or '-' }
  for _, word in ipairs(more or {}) do line[#line + 1] = word end
  line[#line + 1] = user.id
  redis.pcall('PUBLISH', channel, table.concat(line, ' '))
end
local user_id, id, now = ARGV[1], ARGV[2], now_ms()
local user = read_user(KEYS[1], now, tonumber(ARGV[14]))
if not user then
  if ARGV[9] == '' or redis.call('HEXISTS', KEYS[1], 'u') == 1 then return { 'user_unknown' } end
  make_user(KEYS[1], user_id, {}, now, ARGV[9])
  user = read_user(KEYS[1], now)
end
if user.id ~= user_id then return { 'user_mismatch' } end
if user.blocked then return { 'user_blocked', now, user.reply } end
if ARGV[8] ~= '' and tonumber(ARGV[8]) ~= user.epoch then return { 'epoch_changed' } end
local fields = redis.call('HGETALL', KEYS[1])
local at = { now = now, remember_ended_ms = tonumber(ARGV[12]), role_lifetimes = ARGV[15] }
local live, ended = part_sessions(KEYS[1], fields, user, at)
local evicted, over = {}, #live - tonumber(ARGV[10]) + 1
if over > 0 and ARGV[11] == 'reject' then return { 'session_limit_reached' } end
take_oldest(live, over, function(entry)
  end_session(KEYS[1], entry.id, unpack_session(entry.record), EVICTED, now)
  evicted[#evicted + 1] = entry.id
  ended[#ended + 1] = { id = entry.id, at = now }
end)
take_oldest(ended, #ended - tonumber(ARGV[13]), function(entry) forget_session(KEYS[1], entry.id) end)
local session = {
  hash = ARGV[3],
  epoch = user.epoch,
  created_at = now,
  last_seen_at = now,
  authenticated_at = now,
  inactivity_ms = tonumber(ARGV[5]),
  absolute_ms = tonumber(ARGV[6]),
  traits = tonumber(ARGV[7]),
  ended = 0,
}
local record = pack_session(session)
redis.call('HSET', KEYS[1], id, record, id .. ':d', ARGV[4])
if ARGV[17] ~= '' then
  local access_end = access_end_of(session, user, now, tonumber(ARGV[19]), ARGV[15])
  begin_family(KEYS[1], id, ARGV[17], ARGV[18], access_end)
end
sweep_data(KEYS[2], live)
sweep_quotas(KEYS[1], fields, live, now * 1000)
if ARGV[16] ~= '' then write_data(KEYS[2], id, now, ARGV[16], now + session.absolute_ms) end
for _, evicted_id in ipairs(evicted) do
  announce(ARGV[20], 'session.revoked', KEYS[1], user, evicted_id)
end
announce(ARGV[20], 'session.created', KEYS[1], user, id)
return { 'created', now, record, user.reply, evicted }
`,
  },
  'erase-user': {
    sha1: '7410707967710e7c605456b5bbcecaa2c5e798b8',
    lua: String.raw`#!lua flags=allow-oom
local function now_ms()
  local time = redis.call('TIME')
  return time[1] * 1000 + math.floor(time[2] / 1000)
end
local function digits(number)
  return string.format('%.0f', number)
end
local STANDING, ROLES_FROM, BLOCK = '>I6I5I6', 18, '>I6I7I2c0'
local function user_of(f, now)
  local version, epoch, epoch_at = struct.unpack(STANDING, f[2])
  local user = { id = f[1], version = version, epoch = epoch, epoch_at = epoch_at, roles = string.sub(f[2], ROLES_FROM),
    blocked = false, ip_allowlist = f[5], reply = f }
  if f[3] then user.loaded_at = struct.unpack('>I6', f[3]) end
  if f[3] and #f[3] > 6 then user.source_version = struct.unpack('>I7', f[3], 7) end
  if f[4] then
    local _, until_at = struct.unpack(BLOCK, f[4])
    user.block_until = until_at == 0 and math.huge or until_at
    user.blocked = user.block_until > now
  end
  return user
end
local function read_user(key, now, max_age_ms)
  local f = redis.call('HMGET', key, 'id', 'u', 'l', 'b', 'a')
  if not f[2] then return nil end
  local user = user_of(f, now)
  if max_age_ms and now - (user.loaded_at or 0) > max_age_ms then return nil end
  return user
end
local function has_role(roles, role)
  return string.find(' ' .. roles .. ' ', ' ' .. role .. ' ', 1, true) ~= nil
end
local RECORD, PREVIOUS_TOKEN, DEVICE = '>c32I5I6I5I5I4I5BB', '>c32I6I6', '>Bc0Bc0'
local TIMES, TIMES_FROM = '>I5I6I5I5I4I5BB', 33 -- the record without its token hash
local SESSION_ID_LENGTH, COLON = 16, 58
local function unpack_session(record)
  local hash, epoch, created, seen, authenticated, inactivity, absolute, traits, ended =
    struct.unpack(RECORD, record)
  return {
    hash = hash,
    epoch = epoch,
    created_at = created,
    last_seen_at = created + seen,
    authenticated_at = created + authenticated,
    inactivity_ms = inactivity,
    absolute_ms = absolute,
    traits = traits,
    ended = ended,
  }
end
local function effective_lifetime(session, roles, role_lifetimes)
  local inactivity, absolute = session.inactivity_ms, session.absolute_ms
  if role_lifetimes ~= '' then
    for role, role_inactivity, role_absolute in string.gmatch(role_lifetimes, '(%S+) (%d+) (%d+)') do
      if has_role(roles, role) then
        role_inactivity, role_absolute = tonumber(role_inactivity), tonumber(role_absolute)
        absolute = math.min(absolute, role_absolute)
        if inactivity == 0 or (role_inactivity > 0 and role_inactivity < inactivity) then
          inactivity = role_inactivity
        end
      end
    end
  end
  return inactivity, absolute
end
local UNKNOWN, LIVE, REVOKED, EXPIRED = 0, 1, 2, 3
local EVICTED, TIMED_OUT, REUSED = 3, 4, 5
local function expires_at(session, user, role_lifetimes)
  local inactivity, absolute = effective_lifetime(session, user.roles, role_lifetimes)
  local at = session.authenticated_at + absolute
  if inactivity > 0 then at = math.min(at, session.last_seen_at + inactivity) end
  return at, inactivity
end
local function status_of(session, user, now, remember_ended_ms, role_lifetimes)
  local status, ended_at
  if session.ended ~= 0 then
    status, ended_at = session.ended == TIMED_OUT and EXPIRED or REVOKED, session.last_seen_at
  elseif session.epoch ~= user.epoch then
    status, ended_at = REVOKED, user.epoch_at
  else
    local at, inactivity = expires_at(session, user, role_lifetimes)
    if now < at then return LIVE, nil, inactivity end
    status, ended_at = EXPIRED, at
  end
  if now - ended_at > remember_ended_ms then status = UNKNOWN end
  return status, ended_at
end
local function each_record(fields, visit)
  for i = 1, #fields, 2 do
    local id = fields[i]
    if #id == SESSION_ID_LENGTH and string.byte(id, 2) ~= COLON then visit(id, fields[i + 1]) end
  end
end
local function liveness(user, now, role_lifetimes)
  return function(record)
    if role_lifetimes ~= '' then
      local session = unpack_session(record)
      return status_of(session, user, now, 0, role_lifetimes) == LIVE, session.created_at
    end
    local epoch, created, seen, authenticated, inactivity, absolute, _, ended = struct.unpack(TIMES, record, TIMES_FROM)
    local is_live = ended == 0 and epoch == user.epoch and now < created + authenticated + absolute
      and (inactivity == 0 or now < created + seen + inactivity)
    return is_live, created
  end
end
local function count_live(key, user, now, role_lifetimes)
  local live, is_live = 0, liveness(user, now, role_lifetimes)
  each_record(redis.call('HGETALL', key), function(_, record)
    if is_live(record) then live = live + 1 end
  end)
  return live
end
local function announce(channel, name, key, user, session_id, more)
  local line = { name, string.match(key, '{(.-)}'), digits(user.version), digits(user.epoch), session_id or '-' }
  for _, word in ipairs(more or {}) do line[#line + 1] = word end
  line[#line + 1] = user.id
  redis.pcall('PUBLISH', channel, table.concat(line, ' '))
end
local now = now_ms()
local user = read_user(KEYS[1], now)
local live = user and count_live(KEYS[1], user, now, ARGV[1]) or 0
redis.call('UNLINK', KEYS[1], KEYS[2], KEYS[3], KEYS[4])
if user then announce(ARGV[2], 'user.erased', KEYS[1], user) end
return live
`,
  },
  'finish-load': {
    sha1: '858800b13563eaaf0bf4a7e42fb85d0eb35057b9',
    lua: String.raw`#!lua flags=allow-oom
local function now_ms()
  local time = redis.call('TIME')
  return time[1] * 1000 + math.floor(time[2] / 1000)
end
local function digits(number)
  return string.format('%.0f', number)
end
local STANDING, ROLES_FROM, BLOCK = '>I6I5I6', 18, '>I6I7I2c0'
local function user_of(f, now)
  local version, epoch, epoch_at = struct.unpack(STANDING, f[2])
  local user = { id = f[1], version = version, epoch = epoch, epoch_at = epoch_at, roles = string.sub(f[2], ROLES_FROM),
    blocked = false, ip_allowlist = f[5], reply = f }
  if f[3] then user.loaded_at = struct.unpack('>I6', f[3]) end
  if f[3] and #f[3] > 6 then user.source_version = struct.unpack('>I7', f[3], 7) end
  if f[4] then
    local _, until_at = struct.unpack(BLOCK, f[4])
    user.block_until = until_at == 0 and math.huge or until_at
    user.blocked = user.block_until > now
  end
  return user
end
local function read_user(key, now, max_age_ms)
  local f = redis.call('HMGET', key, 'id', 'u', 'l', 'b', 'a')
  if not f[2] then return nil end
  local user = user_of(f, now)
  if max_age_ms and now - (user.loaded_at or 0) > max_age_ms then return nil end
  return user
end
local function has_role(roles, role)
  return string.find(' ' .. roles .. ' ', ' ' .. role .. ' ', 1, true) ~= nil
end
local function start_epoch(user, now)
  user.epoch, user.epoch_at = user.epoch + 1, now
end
local function store_next_version(key, user)
  user.version = user.version + 1
  user.reply[2] = struct.pack(STANDING, user.version, user.epoch, user.epoch_at) .. user.roles
  redis.call('HSET', key, 'u', user.reply[2])
end
local function store_loaded(key, loaded_at, source_version)
  local version = source_version and struct.pack('>I7', source_version) or ''
  redis.call('HSET', key, 'l', struct.pack('>I6', loaded_at) .. version)
end
local function ip_allowlist_of(argument)
  if argument == '~' then return nil end
  return argument ~= '-' and argument
end
local function until_of(change)
  return tonumber(change.until_at) or math.huge
end
local function without_past_block(change, now)
  if change.block == 'set' and until_of(change) <= now then change.block = 'clear' end
  return change
end
local function write_block(key, change, now)
  local until_at = tonumber(change.until_at) or 0
  redis.call('HSET', key, 'b', struct.pack(BLOCK, now, until_at, #change.reason, change.reason) .. change.by)
end
local function compare_source(user, source_version)
  if not user.source_version then return 'newer' end
  if source_version < user.source_version then return 'outdated' end
  return source_version == user.source_version and 'equal' or 'newer'
end
local function only_tightening(user, change)
  if change.roles then
    local kept = {}
    for role in string.gmatch(user.roles, '%S+') do
      if has_role(change.roles, role) then kept[#kept + 1] = role end
    end
    change.roles = table.concat(kept, ' ')
  end
  local lasts_longer = change.block == 'set' and not (user.blocked and until_of(change) <= user.block_until)
  if not lasts_longer then change.block = 'keep' end
  if user.ip_allowlist or not change.ip_allowlist then change.ip_allowlist = nil end
  return change
end
local function alters(user, change)
  return (change.roles and change.roles ~= user.roles)
    or change.block == 'set'
    or (change.block == 'clear' and user.reply[4])
    or (change.ip_allowlist ~= nil and change.ip_allowlist ~= user.ip_allowlist)
end
local function apply_change(key, user, change, now)
  if change.roles then user.roles = change.roles end
  if change.block == 'clear' then
    redis.call('HDEL', key, 'b')
  elseif change.block == 'set' then
    write_block(key, change, now)
    start_epoch(user, now)
  end
  if change.ip_allowlist then
    redis.call('HSET', key, 'a', change.ip_allowlist)
  elseif change.ip_allowlist == false then
    redis.call('HDEL', key, 'a')
  end
end
local function make_user(key, id, change, now, new_epoch)
  redis.call('HSET', key, 'id', id, 'u', struct.pack(STANDING, now, tonumber(new_epoch), now) .. (change.roles or ''))
  if change.block == 'set' then write_block(key, change, now) end
  if change.ip_allowlist then redis.call('HSET', key, 'a', change.ip_allowlist) end
  redis.call('PERSIST', key) -- a quota that was there before must not take the record along
end
local function announce(channel, name, key, user, session_id, more)
  local line = { name, string.match(key, '{(.-)}'), digits(user.version), digits(user.epoch), session_id or '-' }
  for _, word in ipairs(more or {}) do line[#line + 1] = word end
  line[#line + 1] = user.id
  redis.pcall('PUBLISH', channel, table.concat(line, ' '))
end
local function announce_change(channel, key, change, had_block, after)
  if change.block == 'set' then announce(channel, 'user.blocked', key, after) end
  if change.block == 'clear' and had_block then announce(channel, 'user.unblocked', key, after) end
  if change.roles then announce(channel, 'user.roles_changed', key, after) end
  if change.ip_allowlist ~= nil then announce(channel, 'user.ip_allowlist_changed', key, after) end
end
local now, source_version = now_ms(), tonumber(ARGV[8])
if redis.call('GET', KEYS[2]) ~= ARGV[1] then return { 'void' } end
redis.call('DEL', KEYS[2])
local change = { roles = ARGV[3], block = ARGV[4], reason = ARGV[5], until_at = ARGV[6], by = ARGV[7],
  source_version = source_version, ip_allowlist = ip_allowlist_of(ARGV[9]) }
change = without_past_block(change, now)
local user = read_user(KEYS[1], now)
if not user then
  store_loaded(KEYS[1], now, source_version)
  make_user(KEYS[1], ARGV[2], change, now, ARGV[10])
  return { 'stored' }
end
if user.id ~= ARGV[2] then return { 'user_mismatch' } end
local source = source_version and compare_source(user, source_version) or 'equal'
if source == 'outdated' then
  store_loaded(KEYS[1], now, user.source_version)
  return { 'stored' }
end
if source == 'newer' and change.block == 'keep' then change.block = 'clear' end
if source == 'equal' then change = only_tightening(user, change) end
local is_change = alters(user, change)
store_loaded(KEYS[1], now, source_version or user.source_version)
apply_change(KEYS[1], user, change, now)
if is_change then
  store_next_version(KEYS[1], user)
  announce_change(ARGV[11], KEYS[1], change, user.reply[4], read_user(KEYS[1], now))
end
return { 'stored' }
`,
  },
  'issue-one-time-token': {
    sha1: '70d02ee8d4a0dcfa67661bc6663cde431175d30e',
    lua: String.raw`#!lua
local function now_ms()
  local time = redis.call('TIME')
  return time[1] * 1000 + math.floor(time[2] / 1000)
end
local function digits(number)
  return string.format('%.0f', number)
end
local STANDING, ROLES_FROM, BLOCK = '>I6I5I6', 18, '>I6I7I2c0'
local function user_of(f, now)
  local version, epoch, epoch_at = struct.unpack(STANDING, f[2])
  local user = { id = f[1], version = version, epoch = epoch, epoch_at = epoch_at, roles = string.sub(f[2], ROLES_FROM),
    blocked = false, ip_allowlist = f[5], reply = f }
  if f[3] then user.loaded_at = struct.unpack('>I6', f[3]) end
  if f[3] and #f[3] > 6 then user.source_version = struct.unpack('>I7', f[3], 7) end
  if f[4] then
    local _, until_at = struct.unpack(BLOCK, f[4])
    user.block_until = until_at == 0 and math.huge or until_at
    user.blocked = user.block_until > now
  end
  return user
end
local function read_user(key, now, max_age_ms)
  local f = redis.call('HMGET', key, 'id', 'u', 'l', 'b', 'a')
  if not f[2] then return nil end
  local user = user_of(f, now)
  if max_age_ms and now - (user.loaded_at or 0) > max_age_ms then return nil end
  return user
end
local ONE_TIME = '>c32I5I6I7Bc0'
local TOKEN_ID_LENGTH = 16
local function unpack_one_time(record)
  local hash, epoch, expires_at, issued_at, purpose, rest = struct.unpack(ONE_TIME, record)
  return {
    hash = hash,
    epoch = epoch,
    expires_at = expires_at,
    issued_at = issued_at,
    purpose = purpose,
    data = string.sub(record, rest),
  }
end
local function each_one_time(key, visit)
  local fields = redis.call('HGETALL', key)
  for i = 1, #fields, 2 do
    if #fields[i] == TOKEN_ID_LENGTH then visit(fields[i], unpack_one_time(fields[i + 1])) end
  end
end
local function epoch_of(user)
  return user and user.epoch or 0
end
local now = now_ms()
local subject, purpose = ARGV[1], ARGV[4]
local user = read_user(KEYS[1], now)
local known = redis.call('HGET', KEYS[2], 'subject')
if (user and user.id ~= subject) or (known and known ~= subject) then return { 'user_mismatch' } end
local epoch = epoch_of(user)
if ARGV[8] ~= '' and tonumber(ARGV[8]) ~= epoch then return { 'epoch_changed' } end
local tokens = {}
local last_expiry = now + tonumber(ARGV[5])
each_one_time(KEYS[2], function(id, token)
  if token.expires_at <= now then
    redis.call('HDEL', KEYS[2], id)
  else
    token.id = id
    tokens[#tokens + 1] = token
    last_expiry = math.max(last_expiry, token.expires_at)
  end
end)
table.sort(tokens, function(a, b)
  return a.issued_at > b.issued_at or (a.issued_at == b.issued_at and a.id > b.id)
end)
local same_room = ARGV[7] == '1' and 0 or tonumber(ARGV[9]) - 1
local room = tonumber(ARGV[10]) - 1
for _, token in ipairs(tokens) do
  local is_same = token.purpose == purpose
  if room == 0 or (is_same and same_room == 0) then
    redis.call('HDEL', KEYS[2], token.id)
  else
    room = room - 1
    if is_same then same_room = same_room - 1 end
  end
end
local time = redis.call('TIME')
local expires_at = now + tonumber(ARGV[5])
local record = struct.pack(ONE_TIME, ARGV[3], epoch, expires_at, time[1] * 1000000 + time[2], #purpose, purpose)
redis.call('HSET', KEYS[2], 'subject', subject, ARGV[2], record .. ARGV[6])
redis.call('PEXPIREAT', KEYS[2], digits(last_expiry))
return { 'issued', expires_at }
`,
  },
  'list-sessions': {
    sha1: '5e93fb8ab836aaba22048dd32ff0e5cd29c2fed3',
    lua: String.raw`#!lua flags=allow-oom
local function now_ms()
  local time = redis.call('TIME')
  return time[1] * 1000 + math.floor(time[2] / 1000)
end
local STANDING, ROLES_FROM, BLOCK = '>I6I5I6', 18, '>I6I7I2c0'
local function user_of(f, now)
  local version, epoch, epoch_at = struct.unpack(STANDING, f[2])
  local user = { id = f[1], version = version, epoch = epoch, epoch_at = epoch_at, roles = string.sub(f[2], ROLES_FROM),
    blocked = false, ip_allowlist = f[5], reply = f }
  if f[3] then user.loaded_at = struct.unpack('>I6', f[3]) end
  if f[3] and #f[3] > 6 then user.source_version = struct.unpack('>I7', f[3], 7) end
  if f[4] then
    local _, until_at = struct.unpack(BLOCK, f[4])
    user.block_until = until_at == 0 and math.huge or until_at
    user.blocked = user.block_until > now
  end
  return user
end
local function read_user(key, now, max_age_ms)
  local f = redis.call('HMGET', key, 'id', 'u', 'l', 'b', 'a')
  if not f[2] then return nil end
  local user = user_of(f, now)
  if max_age_ms and now - (user.loaded_at or 0) > max_age_ms then return nil end
  return user
end
local now = now_ms()
local user = read_user(KEYS[1], now)
if not user then return {} end
return { now, user.reply, redis.call('HGETALL', KEYS[1]) }
`,
  },
  'make-user': {
    sha1: '73019bb65cef4eb2dedfcde470d93c0d9cb61980',
    lua: String.raw`#!lua
local function now_ms()
  local time = redis.call('TIME')
  return time[1] * 1000 + math.floor(time[2] / 1000)
end
local STANDING, ROLES_FROM, BLOCK = '>I6I5I6', 18, '>I6I7I2c0'
local function user_of(f, now)
  local version, epoch, epoch_at = struct.unpack(STANDING, f[2])
  local user = { id = f[1], version = version, epoch = epoch, epoch_at = epoch_at, roles = string.sub(f[2], ROLES_FROM),
    blocked = false, ip_allowlist = f[5], reply = f }
  if f[3] then user.loaded_at = struct.unpack('>I6', f[3]) end
  if f[3] and #f[3] > 6 then user.source_version = struct.unpack('>I7', f[3], 7) end
  if f[4] then
    local _, until_at = struct.unpack(BLOCK, f[4])
    user.block_until = until_at == 0 and math.huge or until_at
    user.blocked = user.block_until > now
  end
  return user
end
local function read_user(key, now, max_age_ms)
  local f = redis.call('HMGET', key, 'id', 'u', 'l', 'b', 'a')
  if not f[2] then return nil end
  local user = user_of(f, now)
  if max_age_ms and now - (user.loaded_at or 0) > max_age_ms then return nil end
  return user
end
local function store_loaded(key, loaded_at, source_version)
  local version = source_version and struct.pack('>I7', source_version) or ''
  redis.call('HSET', key, 'l', struct.pack('>I6', loaded_at) .. version)
end
local function ip_allowlist_of(argument)
  if argument == '~' then return nil end
  return argument ~= '-' and argument
end
local function until_of(change)
  return tonumber(change.until_at) or math.huge
end
local function without_past_block(change, now)
  if change.block == 'set' and until_of(change) <= now then change.block = 'clear' end
  return change
end
local function write_block(key, change, now)
  local until_at = tonumber(change.until_at) or 0
  redis.call('HSET', key, 'b', struct.pack(BLOCK, now, until_at, #change.reason, change.reason) .. change.by)
end
local function make_user(key, id, change, now, new_epoch)
  redis.call('HSET', key, 'id', id, 'u', struct.pack(STANDING, now, tonumber(new_epoch), now) .. (change.roles or ''))
  if change.block == 'set' then write_block(key, change, now) end
  if change.ip_allowlist then redis.call('HSET', key, 'a', change.ip_allowlist) end
  redis.call('PERSIST', key) -- a quota that was there before must not take the record along
end
local now = now_ms()
local user = read_user(KEYS[1], now)
if user then return { 'version_conflict', now, user.reply } end
local change = { roles = ARGV[2], block = ARGV[3], reason = ARGV[4], until_at = ARGV[5], by = ARGV[6],
  source_version = tonumber(ARGV[7]), ip_allowlist = ip_allowlist_of(ARGV[8]) }
change = without_past_block(change, now)
if ARGV[10] == '1' or change.source_version then
  store_loaded(KEYS[1], ARGV[10] == '1' and now or 0, change.source_version)
end
make_user(KEYS[1], ARGV[1], change, now, ARGV[9])
redis.call('DEL', KEYS[2])
return { 'changed', now, read_user(KEYS[1], now).reply, 0 }
`,
  },
  'miss-act': {
    sha1: 'c21f99626469f87937eb96fd1d9c478e451dfc9b',
    lua: String.raw`#!lua flags=allow-oom
local function now_ms()
  local time = redis.call('TIME')
  return time[1] * 1000 + math.floor(time[2] / 1000)
end
local function digits(number)
  return string.format('%.0f', number)
end
redis.call('ZADD', KEYS[1], digits(now_ms() + tonumber(ARGV[2])), ARGV[1])
return 1
`,
  },
  'quota-back': {
    sha1: '27e4f3ffdd478c4ce34a0dfda904fbfec2189e59',
    lua: String.raw`#!lua flags=allow-oom
local function now_us()
  local time = redis.call('TIME')
  return time[1] * 1000000 + time[2]
end
local function bounded_tat(tat, emission, burst, now)
  return math.min(math.max(tat, now), now + burst * emission)
end
local function wait_us(tat, emission, burst, cost, now)
  return math.max(0, tat + (cost - burst) * emission - now)
end
local function describe_quota(tat, emission, burst, cost, now)
  local used = tat - now
  return math.max(0, math.floor((burst * emission - used) / emission)), wait_us(tat, emission, burst, cost, now), used
end
local function loosen(operation, tat, emission, burst, cost, now)
  tat = operation == 'reset' and now or bounded_tat(tat, emission, burst, now)
  local has_room = wait_us(tat, emission, burst, cost, now) == 0
  if operation == 'refund' then tat = math.max(now, tat - cost * emission) end
  return has_room, tat
end
local RECEIPT, RECEIPT_BYTES, RECEIPT_NAME, MOST_RECEIPTS = '>I6I3c8', 17, 9, 512
local function read_quota(key)
  local stored = redis.call('GET', key)
  if not stored then return 0, '' end
  local tat, from = string.match(stored, '^(%d+);?()')
  return tonumber(tat), string.sub(stored, from)
end
local function write_quota(key, tat, receipts, now)
  if tat <= now then return redis.call('DEL', key) end
  local value = string.format('%.0f', tat)
  if receipts ~= '' then value = value .. ';' .. receipts end
  redis.call('SET', key, value, 'PX', math.ceil((tat - now) / 1000))
end
local function take_receipt(receipts, name)
  for from = 1, #receipts, RECEIPT_BYTES do
    if string.sub(receipts, from + RECEIPT_NAME, from + RECEIPT_BYTES - 1) == name then
      local _, cost = struct.unpack(RECEIPT, receipts, from)
      return cost, string.sub(receipts, 1, from - 1) .. string.sub(receipts, from + RECEIPT_BYTES)
    end
  end
  return nil, receipts
end
local operation, now, emission, burst = ARGV[1], now_us(), tonumber(ARGV[2]), tonumber(ARGV[3])
local cost, stored, receipts = tonumber(ARGV[4]), 0, ''
if operation ~= 'reset' then stored, receipts = read_quota(KEYS[1]) end
local taken
if ARGV[5] ~= '' then
  taken, receipts = take_receipt(receipts, ARGV[5])
  cost = taken or 0
end
local allowed, tat = loosen(operation, stored, emission, burst, cost, now)
if ARGV[5] ~= '' then allowed = taken ~= nil end
if operation ~= 'peek' then write_quota(KEYS[1], tat, receipts, now) end
return { allowed and 1 or 0, describe_quota(tat, emission, burst, 1, now) }
`,
  },
  'quota': {
    sha1: '5bc882bef1f71bccb16ffbf9cd1d02050a5c39de',
    lua: String.raw`#!lua
local function now_us()
  local time = redis.call('TIME')
  return time[1] * 1000000 + time[2]
end
local function bounded_tat(tat, emission, burst, now)
  return math.min(math.max(tat, now), now + burst * emission)
end
local function wait_us(tat, emission, burst, cost, now)
  return math.max(0, tat + (cost - burst) * emission - now)
end
local function describe_quota(tat, emission, burst, cost, now)
  local used = tat - now
  return math.max(0, math.floor((burst * emission - used) / emission)), wait_us(tat, emission, burst, cost, now), used
end
local function consume(tat, emission, burst, cost, now)
  tat = bounded_tat(tat, emission, burst, now)
  if wait_us(tat, emission, burst, cost, now) > 0 then return false, tat end
  return true, tat + cost * emission
end
local RECEIPT, RECEIPT_BYTES, RECEIPT_NAME, MOST_RECEIPTS = '>I6I3c8', 17, 9, 512
local function read_quota(key)
  local stored = redis.call('GET', key)
  if not stored then return 0, '' end
  local tat, from = string.match(stored, '^(%d+);?()')
  return tonumber(tat), string.sub(stored, from)
end
local function write_quota(key, tat, receipts, now)
  if tat <= now then return redis.call('DEL', key) end
  local value = string.format('%.0f', tat)
  if receipts ~= '' then value = value .. ';' .. receipts end
  redis.call('SET', key, value, 'PX', math.ceil((tat - now) / 1000))
end
local function add_receipt(receipts, name, cost, term_ms, now)
  local now_in_ms, from = math.floor(now / 1000), 1
  while from <= #receipts and struct.unpack('>I6', receipts, from) <= now_in_ms do from = from + RECEIPT_BYTES end
  if #receipts - from + 1 >= MOST_RECEIPTS * RECEIPT_BYTES then from = from + RECEIPT_BYTES end
  return string.sub(receipts, from) .. struct.pack(RECEIPT, now_in_ms + term_ms, cost, name)
end
local now, emission, burst, cost = now_us(), tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local stored, receipts = read_quota(KEYS[1])
local allowed, tat = consume(stored, emission, burst, cost, now)
if allowed then
  if ARGV[4] ~= '' then receipts = add_receipt(receipts, ARGV[4], cost, tonumber(ARGV[5]), now) end
  write_quota(KEYS[1], tat, receipts, now)
end
return { allowed and 1 or 0, describe_quota(tat, emission, burst, cost, now) }
`,
  },
  'read-confirmations': {
    sha1: '81c801c01c1ba3f39f79cd42f4048b2584bc7f51',
    lua: String.raw`#!lua flags=allow-oom
local function now_ms()
  local time = redis.call('TIME')
  return time[1] * 1000 + math.floor(time[2] / 1000)
end
local function digits(number)
  return string.format('%.0f', number)
end
local now = now_ms()
return {
  redis.call('ZRANGEBYSCORE', KEYS[1], '(' .. digits(now), '+inf'),
  redis.call('ZRANGEBYSCORE', KEYS[1], '(' .. digits(now + tonumber(ARGV[1])), '+inf'),
  redis.call('HGETALL', KEYS[2]),
}
`,
  },
  'read-data': {
    sha1: '20a207239049a551e36031f1ffd153ae20d450c3',
    lua: String.raw`#!lua flags=allow-oom
local function now_ms()
  local time = redis.call('TIME')
  return time[1] * 1000 + math.floor(time[2] / 1000)
end
local STANDING, ROLES_FROM, BLOCK = '>I6I5I6', 18, '>I6I7I2c0'
local function user_of(f, now)
  local version, epoch, epoch_at = struct.unpack(STANDING, f[2])
  local user = { id = f[1], version = version, epoch = epoch, epoch_at = epoch_at, roles = string.sub(f[2], ROLES_FROM),
    blocked = false, ip_allowlist = f[5], reply = f }
  if f[3] then user.loaded_at = struct.unpack('>I6', f[3]) end
  if f[3] and #f[3] > 6 then user.source_version = struct.unpack('>I7', f[3], 7) end
  if f[4] then
    local _, until_at = struct.unpack(BLOCK, f[4])
    user.block_until = until_at == 0 and math.huge or until_at
    user.blocked = user.block_until > now
  end
  return user
end
local function read_user(key, now, max_age_ms)
  local f = redis.call('HMGET', key, 'id', 'u', 'l', 'b', 'a')
  if not f[2] then return nil end
  local user = user_of(f, now)
  if max_age_ms and now - (user.loaded_at or 0) > max_age_ms then return nil end
  return user
end
local function has_role(roles, role)
  return string.find(' ' .. roles .. ' ', ' ' .. role .. ' ', 1, true) ~= nil
end
local RECORD, PREVIOUS_TOKEN, DEVICE = '>c32I5I6I5I5I4I5BB', '>c32I6I6', '>Bc0Bc0'
local REMEMBER_ME, HAS_FAMILY = 128, 64
local function unpack_session(record)
  local hash, epoch, created, seen, authenticated, inactivity, absolute, traits, ended =
    struct.unpack(RECORD, record)
  return {
    hash = hash,
    epoch = epoch,
    created_at = created,
    last_seen_at = created + seen,
    authenticated_at = created + authenticated,
    inactivity_ms = inactivity,
    absolute_ms = absolute,
    traits = traits,
    ended = ended,
  }
end
local function has_family(session)
  return session.traits % REMEMBER_ME >= HAS_FAMILY
end
local function effective_lifetime(session, roles, role_lifetimes)
  local inactivity, absolute = session.inactivity_ms, session.absolute_ms
  if role_lifetimes ~= '' then
    for role, role_inactivity, role_absolute in string.gmatch(role_lifetimes, '(%S+) (%d+) (%d+)') do
      if has_role(roles, role) then
        role_inactivity, role_absolute = tonumber(role_inactivity), tonumber(role_absolute)
        absolute = math.min(absolute, role_absolute)
        if inactivity == 0 or (role_inactivity > 0 and role_inactivity < inactivity) then
          inactivity = role_inactivity
        end
      end
    end
  end
  return inactivity, absolute
end
local UNKNOWN, LIVE, REVOKED, EXPIRED = 0, 1, 2, 3
local EVICTED, TIMED_OUT, REUSED = 3, 4, 5
local function expires_at(session, user, role_lifetimes)
  local inactivity, absolute = effective_lifetime(session, user.roles, role_lifetimes)
  local at = session.authenticated_at + absolute
  if inactivity > 0 then at = math.min(at, session.last_seen_at + inactivity) end
  return at, inactivity
end
local function status_of(session, user, now, remember_ended_ms, role_lifetimes)
  local status, ended_at
  if session.ended ~= 0 then
    status, ended_at = session.ended == TIMED_OUT and EXPIRED or REVOKED, session.last_seen_at
  elseif session.epoch ~= user.epoch then
    status, ended_at = REVOKED, user.epoch_at
  else
    local at, inactivity = expires_at(session, user, role_lifetimes)
    if now < at then return LIVE, nil, inactivity end
    status, ended_at = EXPIRED, at
  end
  if now - ended_at > remember_ended_ms then status = UNKNOWN end
  return status, ended_at
end
local ACCESS_END, ROTATION, LAST_FAMILY = '>I6', '>I6I6I2c32c16', '>c32I6'
local function read_rotation(key, id, now)
  local packed = redis.call('HGET', key, id .. ':g')
  if not packed then return { access_end = 0 } end
  local access_end = struct.unpack(ACCESS_END, packed)
  if #packed == 6 then return { access_end = access_end } end
  local _, at, grace, previous, salt = struct.unpack(ROTATION, packed)
  if now - at >= grace then
    redis.call('HSET', key, id .. ':g', struct.pack(ACCESS_END, access_end))
    return { access_end = access_end }
  end
  return { access_end = access_end, at = at, previous = previous, salt = salt }
end
local function token_end(key, id, session, hash, now, remember_ended_ms)
  if session.hash == hash then
    return has_family(session) and read_rotation(key, id, now).access_end or math.huge
  end
  local previous = redis.call('HGET', key, id .. ':p')
  if not previous then return nil end
  local previous_hash, at, good_until = struct.unpack(PREVIOUS_TOKEN, previous)
  if previous_hash ~= hash or now - at > remember_ended_ms then return nil end
  return good_until
end
local function is_good(key, id, session, hash, now)
  local good_until = token_end(key, id, session, hash, now, math.huge)
  return good_until ~= nil and now < good_until
end
local function read_data(key, id)
  local stored = redis.call('HGET', key, id)
  if not stored then return 0, '' end
  return struct.unpack('>I6', stored), string.sub(stored, 7)
end
local function proven_session(key, proof)
  local user = read_user(key, proof.now)
  local record = redis.call('HGET', key, proof.id)
  if not user or user.blocked or not record then return nil end
  local session = unpack_session(record)
  if not is_good(key, proof.id, session, proof.hash, proof.now) then return nil end
  return status_of(session, user, proof.now, 0, proof.role_lifetimes) == LIVE and session or nil
end
local now = now_ms()
if not proven_session(KEYS[1], { id = ARGV[1], hash = ARGV[2], now = now, role_lifetimes = ARGV[3] }) then
  return {}
end
local version, payload = read_data(KEYS[2], ARGV[1])
return { version, payload }
`,
  },
  'read-ip-lists': {
    sha1: '8fa59b85ad812bbbbc9211086da00290a1dcacd5',
    lua: String.raw`#!lua flags=allow-oom
local reply = {}
for i, key in ipairs(KEYS) do
  local version = redis.call('HGET', key, 'version')
  if not version then
    reply[i] = 0
  elseif version == ARGV[i] then
    reply[i] = 1
  else
    reply[i] = { version, redis.call('HGET', key, 'ranges') or '?' }
  end
end
return reply
`,
  },
  'read-user': {
    sha1: '7aafd3e0e5a86eedb44d1133804caaf4bb852fca',
    lua: String.raw`#!lua flags=allow-oom
local function now_ms()
  local time = redis.call('TIME')
  return time[1] * 1000 + math.floor(time[2] / 1000)
end
local STANDING, ROLES_FROM, BLOCK = '>I6I5I6', 18, '>I6I7I2c0'
local function user_of(f, now)
  local version, epoch, epoch_at = struct.unpack(STANDING, f[2])
  local user = { id = f[1], version = version, epoch = epoch, epoch_at = epoch_at, roles = string.sub(f[2], ROLES_FROM),
    blocked = false, ip_allowlist = f[5], reply = f }
  if f[3] then user.loaded_at = struct.unpack('>I6', f[3]) end
  if f[3] and #f[3] > 6 then user.source_version = struct.unpack('>I7', f[3], 7) end
  if f[4] then
    local _, until_at = struct.unpack(BLOCK, f[4])
    user.block_until = until_at == 0 and math.huge or until_at
    user.blocked = user.block_until > now
  end
  return user
end
local function read_user(key, now, max_age_ms)
  local f = redis.call('HMGET', key, 'id', 'u', 'l', 'b', 'a')
  if not f[2] then return nil end
  local user = user_of(f, now)
  if max_age_ms and now - (user.loaded_at or 0) > max_age_ms then return nil end
  return user
end
local now = now_ms()
local user = read_user(KEYS[1], now, tonumber(ARGV[1]))
if not user then return {} end
return { now, user.reply }
`,
  },
  'refresh': {
    sha1: '322a7e082edb5b166998d78e06e8e829b7bbbc9f',
    lua: String.raw`#!lua flags=allow-oom
local function now_ms()
  local time = redis.call('TIME')
  return time[1] * 1000 + math.floor(time[2] / 1000)
end
local function digits(number)
  return string.format('%.0f', number)
end
local STANDING, ROLES_FROM, BLOCK = '>I6I5I6', 18, '>I6I7I2c0'
local function user_of(f, now)
  local version, epoch, epoch_at = struct.unpack(STANDING, f[2])
  local user = { id = f[1], version = version, epoch = epoch, epoch_at = epoch_at, roles = string.sub(f[2], ROLES_FROM),
    blocked = false, ip_allowlist = f[5], reply = f }
  if f[3] then user.loaded_at = struct.unpack('>I6', f[3]) end
  if f[3] and #f[3] > 6 then user.source_version = struct.unpack('>I7', f[3], 7) end
  if f[4] then
    local _, until_at = struct.unpack(BLOCK, f[4])
    user.block_until = until_at == 0 and math.huge or until_at
    user.blocked = user.block_until > now
  end
  return user
end
local function read_user(key, now, max_age_ms)
  local f = redis.call('HMGET', key, 'id', 'u', 'l', 'b', 'a')
  if not f[2] then return nil end
  local user = user_of(f, now)
  if max_age_ms and now - (user.loaded_at or 0) > max_age_ms then return nil end
  return user
end
local function has_role(roles, role)
  return string.find(' ' .. roles .. ' ', ' ' .. role .. ' ', 1, true) ~= nil
end
local RECORD, PREVIOUS_TOKEN, DEVICE = '>c32I5I6I5I5I4I5BB', '>c32I6I6', '>Bc0Bc0'
local function unpack_session(record)
  local hash, epoch, created, seen, authenticated, inactivity, absolute, traits, ended =
    struct.unpack(RECORD, record)
  return {
    hash = hash,
    epoch = epoch,
    created_at = created,
    last_seen_at = created + seen,
    authenticated_at = created + authenticated,
    inactivity_ms = inactivity,
    absolute_ms = absolute,
    traits = traits,
    ended = ended,
  }
end
local function pack_session(s)
  return struct.pack(RECORD, s.hash, s.epoch, s.created_at, math.max(0, s.last_seen_at - s.created_at),
    math.max(0, s.authenticated_at - s.created_at), s.inactivity_ms, s.absolute_ms, s.traits, s.ended)
end
local function effective_lifetime(session, roles, role_lifetimes)
  local inactivity, absolute = session.inactivity_ms, session.absolute_ms
  if role_lifetimes ~= '' then
    for role, role_inactivity, role_absolute in string.gmatch(role_lifetimes, '(%S+) (%d+) (%d+)') do
      if has_role(roles, role) then
        role_inactivity, role_absolute = tonumber(role_inactivity), tonumber(role_absolute)
        absolute = math.min(absolute, role_absolute)
        if inactivity == 0 or (role_inactivity > 0 and role_inactivity < inactivity) then
          inactivity = role_inactivity
        end
      end
    end
  end
  return inactivity, absolute
end
local UNKNOWN, LIVE, REVOKED, EXPIRED = 0, 1, 2, 3
local EVICTED, TIMED_OUT, REUSED = 3, 4, 5
local function expires_at(session, user, role_lifetimes)
  local inactivity, absolute = effective_lifetime(session, user.roles, role_lifetimes)
  local at = session.authenticated_at + absolute
  if inactivity > 0 then at = math.min(at, session.last_seen_at + inactivity) end
  return at, inactivity
end
local function status_of(session, user, now, remember_ended_ms, role_lifetimes)
  local status, ended_at
  if session.ended ~= 0 then
    status, ended_at = session.ended == TIMED_OUT and EXPIRED or REVOKED, session.last_seen_at
  elseif session.epoch ~= user.epoch then
    status, ended_at = REVOKED, user.epoch_at
  else
    local at, inactivity = expires_at(session, user, role_lifetimes)
    if now < at then return LIVE, nil, inactivity end
    status, ended_at = EXPIRED, at
  end
  if now - ended_at > remember_ended_ms then status = UNKNOWN end
  return status, ended_at
end
local function end_session(key, id, session, reason, at)
  session.last_seen_at = math.max(at, session.created_at)
  session.ended = reason
  redis.call('HSET', key, id, pack_session(session))
end
local function note_timeout(key, id, session, status, ended_at)
  if status ~= EXPIRED or session.ended ~= 0 then return false end
  end_session(key, id, session, TIMED_OUT, ended_at)
  return true
end
local ACCESS_END, ROTATION, LAST_FAMILY = '>I6', '>I6I6I2c32c16', '>c32I6'
local function read_rotation(key, id, now)
  local packed = redis.call('HGET', key, id .. ':g')
  if not packed then return { access_end = 0 } end
  local access_end = struct.unpack(ACCESS_END, packed)
  if #packed == 6 then return { access_end = access_end } end
  local _, at, grace, previous, salt = struct.unpack(ROTATION, packed)
  if now - at >= grace then
    redis.call('HSET', key, id .. ':g', struct.pack(ACCESS_END, access_end))
    return { access_end = access_end }
  end
  return { access_end = access_end, at = at, previous = previous, salt = salt }
end
local function access_end_of(session, user, now, ttl_ms, role_lifetimes)
  return math.min(now + ttl_ms, (expires_at(session, user, role_lifetimes)))
end
local function announce(channel, name, key, user, session_id, more)
  local line = { name, string.match(key, '{(.-)}'), digits(user.version), digits(user.epoch), session_id or '-' }
  for _, word in ipairs(more or {}) do line[#line + 1] = word end
  line[#line + 1] = user.id
  redis.pcall('PUBLISH', channel, table.concat(line, ' '))
end
local function escaped(text)
  if text == '' then return '-' end
  return (string.gsub(text, '[^%w%.]', function(c) return string.format('%%%02X', string.byte(c)) end))
end
local id, now, remember_ended_ms = ARGV[1], now_ms(), tonumber(ARGV[11])
local stored = redis.call('HMGET', KEYS[1], id, id .. ':d', id .. ':f')
local record, device, family = stored[1], stored[2], stored[3]
if not record then return { 'unknown' } end
local is_current_family = family and string.sub(family, 1, 32) == ARGV[2]
if not is_current_family then
  local last = redis.call('HGET', KEYS[1], id .. ':r')
  if not last then return { 'unknown' } end
  local hash, at = struct.unpack(LAST_FAMILY, last)
  if hash ~= ARGV[2] or now - at > remember_ended_ms then return { 'unknown' } end
end
local user = read_user(KEYS[1], now, tonumber(ARGV[12]))
if not user then
  if ARGV[12] == '' then return { 'unknown' } end
  return { 'load', redis.call('HGET', KEYS[1], 'id') }
end
local session = unpack_session(record)
local status, ended_at = status_of(session, user, now, remember_ended_ms, ARGV[13])
if status == UNKNOWN then return { 'unknown' } end
if note_timeout(KEYS[1], id, session, status, ended_at) then redis.call('HDEL', KEYS[2], id) end
if user.blocked then return { 'user_blocked', now, user.reply } end
if status == REVOKED or not is_current_family then return { 'revoked' } end
if status == EXPIRED then return { 'expired' } end
local user_agent, ip, name_from = struct.unpack(DEVICE, device)
local devices = { escaped(ip), escaped(user_agent), escaped(ARGV[10]), escaped(ARGV[9]) }
local rotation = read_rotation(KEYS[1], id, now)
local is_current = string.sub(family, 33) == ARGV[3]
if not is_current and rotation.previous ~= ARGV[3] then
  end_session(KEYS[1], id, session, REUSED, now)
  redis.call('HDEL', KEYS[2], id)
  announce(ARGV[14], 'refresh.reused', KEYS[1], user, id, devices)
  return { 'reused', now, record, device, user.reply }
end
local new_user_agent, new_ip = ARGV[9] == '' and user_agent or ARGV[9], ARGV[10] == '' and ip or ARGV[10]
local is_other_device = new_user_agent ~= user_agent or new_ip ~= ip
if is_current then
  local grace_ms = tonumber(ARGV[8])
  local good_until = math.min(now + grace_ms, rotation.access_end)
  redis.call('HSET', KEYS[1], id .. ':p', struct.pack(PREVIOUS_TOKEN, session.hash, now, good_until))
  session.hash = ARGV[6]
  session.last_seen_at = math.max(now, session.last_seen_at)
  record = pack_session(session)
  rotation = { access_end = access_end_of(session, user, now, tonumber(ARGV[7]), ARGV[13]), at = now, salt = ARGV[4] }
  device = struct.pack(DEVICE, #new_user_agent, new_user_agent, #new_ip, new_ip) .. string.sub(device, name_from)
  redis.call('HSET', KEYS[1], id, record, id .. ':d', device, id .. ':f', ARGV[2] .. ARGV[5],
    id .. ':g', struct.pack(ROTATION, rotation.access_end, now, grace_ms, ARGV[3], ARGV[4]))
  announce(ARGV[14], 'session.refreshed', KEYS[1], user, id)
end
if is_other_device then announce(ARGV[14], 'refresh.device_changed', KEYS[1], user, id, devices) end
return { 'refreshed', now, record, device, user.reply, rotation.salt, rotation.at, rotation.access_end }
`,
  },
  'register-node': {
    sha1: '3831be7c0d4e4a60783d4e8b7eea239ff4df03c3',
    lua: String.raw`#!lua flags=allow-oom
local function now_ms()
  local time = redis.call('TIME')
  return time[1] * 1000 + math.floor(time[2] / 1000)
end
local function digits(number)
  return string.format('%.0f', number)
end
local now = now_ms()
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', digits(now))
redis.call('ZREMRANGEBYSCORE', KEYS[2], '-inf', digits(now))
local is_new = redis.call('ZADD', KEYS[1], digits(now + tonumber(ARGV[2])), ARGV[1])
local has_missed = redis.call('ZREM', KEYS[2], ARGV[1])
return math.max(is_new, has_missed)
`,
  },
  'remove-node': {
    sha1: 'f00fc4c26a9259f5b1b68d61e3a6ddc2f57c2b47',
    lua: String.raw`#!lua flags=allow-oom
return redis.call('ZREM', KEYS[1], ARGV[1])
`,
  },
  'replace-token': {
    sha1: '1a3e84d9f8fa0199c4652767e47e5753315c75e6',
    lua: String.raw`#!lua
local function now_ms()
  local time = redis.call('TIME')
  return time[1] * 1000 + math.floor(time[2] / 1000)
end
local function digits(number)
  return string.format('%.0f', number)
end
local STANDING, ROLES_FROM, BLOCK = '>I6I5I6', 18, '>I6I7I2c0'
local function user_of(f, now)
  local version, epoch, epoch_at = struct.unpack(STANDING, f[2])
  local user = { id = f[1], version = version, epoch = epoch, epoch_at = epoch_at, roles = string.sub(f[2], ROLES_FROM),
    blocked = false, ip_allowlist = f[5], reply = f }
  if f[3] then user.loaded_at = struct.unpack('>I6', f[3]) end
  if f[3] and #f[3] > 6 then user.source_version = struct.unpack('>I7', f[3], 7) end
  if f[4] then
    local _, until_at = struct.unpack(BLOCK, f[4])
    user.block_until = until_at == 0 and math.huge or until_at
    user.blocked = user.block_until > now
  end
  return user
end
local function read_user(key, now, max_age_ms)
  local f = redis.call('HMGET', key, 'id', 'u', 'l', 'b', 'a')
  if not f[2] then return nil end
  local user = user_of(f, now)
  if max_age_ms and now - (user.loaded_at or 0) > max_age_ms then return nil end
  return user
end
local function has_role(roles, role)
  return string.find(' ' .. roles .. ' ', ' ' .. role .. ' ', 1, true) ~= nil
end
local RECORD, PREVIOUS_TOKEN, DEVICE = '>c32I5I6I5I5I4I5BB', '>c32I6I6', '>Bc0Bc0'
local TIMES, TIMES_FROM = '>I5I6I5I5I4I5BB', 33 -- the record without its token hash
local REMEMBER_ME, HAS_FAMILY = 128, 64
local SESSION_ID_LENGTH, COLON = 16, 58
local function unpack_session(record)
  local hash, epoch, created, seen, authenticated, inactivity, absolute, traits, ended =
    struct.unpack(RECORD, record)
  return {
    hash = hash,
    epoch = epoch,
    created_at = created,
    last_seen_at = created + seen,
    authenticated_at = created + authenticated,
    inactivity_ms = inactivity,
    absolute_ms = absolute,
    traits = traits,
    ended = ended,
  }
end
local function pack_session(s)
  return struct.pack(RECORD, s.hash, s.epoch, s.created_at, math.max(0, s.last_seen_at - s.created_at),
    math.max(0, s.authenticated_at - s.created_at), s.inactivity_ms, s.absolute_ms, s.traits, s.ended)
end
local function has_family(session)
  return session.traits % REMEMBER_ME >= HAS_FAMILY
end
local function effective_lifetime(session, roles, role_lifetimes)
  local inactivity, absolute = session.inactivity_ms, session.absolute_ms
  if role_lifetimes ~= '' then
    for role, role_inactivity, role_absolute in string.gmatch(role_lifetimes, '(%S+) (%d+) (%d+)') do
      if has_role(roles, role) then
        role_inactivity, role_absolute = tonumber(role_inactivity), tonumber(role_absolute)
        absolute = math.min(absolute, role_absolute)
        if inactivity == 0 or (role_inactivity > 0 and role_inactivity < inactivity) then
          inactivity = role_inactivity
        end
      end
    end
  end
  return inactivity, absolute
end
local UNKNOWN, LIVE, REVOKED, EXPIRED = 0, 1, 2, 3
local EVICTED, TIMED_OUT, REUSED = 3, 4, 5
local function expires_at(session, user, role_lifetimes)
  local inactivity, absolute = effective_lifetime(session, user.roles, role_lifetimes)
  local at = session.authenticated_at + absolute
  if inactivity > 0 then at = math.min(at, session.last_seen_at + inactivity) end
  return at, inactivity
end
local function status_of(session, user, now, remember_ended_ms, role_lifetimes)
  local status, ended_at
  if session.ended ~= 0 then
    status, ended_at = session.ended == TIMED_OUT and EXPIRED or REVOKED, session.last_seen_at
  elseif session.epoch ~= user.epoch then
    status, ended_at = REVOKED, user.epoch_at
  else
    local at, inactivity = expires_at(session, user, role_lifetimes)
    if now < at then return LIVE, nil, inactivity end
    status, ended_at = EXPIRED, at
  end
  if now - ended_at > remember_ended_ms then status = UNKNOWN end
  return status, ended_at
end
local function each_record(fields, visit)
  for i = 1, #fields, 2 do
    local id = fields[i]
    if #id == SESSION_ID_LENGTH and string.byte(id, 2) ~= COLON then visit(id, fields[i + 1]) end
  end
end
local function liveness(user, now, role_lifetimes)
  return function(record)
    if role_lifetimes ~= '' then
      local session = unpack_session(record)
      return status_of(session, user, now, 0, role_lifetimes) == LIVE, session.created_at
    end
    local epoch, created, seen, authenticated, inactivity, absolute, _, ended = struct.unpack(TIMES, record, TIMES_FROM)
    local is_live = ended == 0 and epoch == user.epoch and now < created + authenticated + absolute
      and (inactivity == 0 or now < created + seen + inactivity)
    return is_live, created
  end
end
local function count_live(key, user, now, role_lifetimes)
  local live, is_live = 0, liveness(user, now, role_lifetimes)
  each_record(redis.call('HGETALL', key), function(_, record)
    if is_live(record) then live = live + 1 end
  end)
  return live
end
local ACCESS_END, ROTATION, LAST_FAMILY = '>I6', '>I6I6I2c32c16', '>c32I6'
local function read_rotation(key, id, now)
  local packed = redis.call('HGET', key, id .. ':g')
  if not packed then return { access_end = 0 } end
  local access_end = struct.unpack(ACCESS_END, packed)
  if #packed == 6 then return { access_end = access_end } end
  local _, at, grace, previous, salt = struct.unpack(ROTATION, packed)
  if now - at >= grace then
    redis.call('HSET', key, id .. ':g', struct.pack(ACCESS_END, access_end))
    return { access_end = access_end }
  end
  return { access_end = access_end, at = at, previous = previous, salt = salt }
end
local function token_end(key, id, session, hash, now, remember_ended_ms)
  if session.hash == hash then
    return has_family(session) and read_rotation(key, id, now).access_end or math.huge
  end
  local previous = redis.call('HGET', key, id .. ':p')
  if not previous then return nil end
  local previous_hash, at, good_until = struct.unpack(PREVIOUS_TOKEN, previous)
  if previous_hash ~= hash or now - at > remember_ended_ms then return nil end
  return good_until
end
local function is_good(key, id, session, hash, now)
  local good_until = token_end(key, id, session, hash, now, math.huge)
  return good_until ~= nil and now < good_until
end
local function access_end_of(session, user, now, ttl_ms, role_lifetimes)
  return math.min(now + ttl_ms, (expires_at(session, user, role_lifetimes)))
end
local function begin_family(key, id, family_hash, refresh_hash, access_end)
  redis.call('HSET', key, id .. ':f', family_hash .. refresh_hash, id .. ':g', struct.pack(ACCESS_END, access_end))
end
local function end_family(key, id, now)
  local family = redis.call('HGET', key, id .. ':f')
  redis.call('HSET', key, id .. ':r', struct.pack(LAST_FAMILY, family, now))
  redis.call('HDEL', key, id .. ':f', id .. ':g')
end
local function keep_until(key, at)
  if redis.call('PEXPIRETIME', key) < at then redis.call('PEXPIREAT', key, digits(at)) end
end
local function start_epoch(user, now)
  user.epoch, user.epoch_at = user.epoch + 1, now
end
local function store_next_version(key, user)
  user.version = user.version + 1
  user.reply[2] = struct.pack(STANDING, user.version, user.epoch, user.epoch_at) .. user.roles
  redis.call('HSET', key, 'u', user.reply[2])
end
local function announce(channel, name, key, user, session_id, more)
  local line = { name, string.match(key, '{(.-)}'), digits(user.version), digits(user.epoch), session_id or '-' }
  for _, word in ipairs(more or {}) do line[#line + 1] = word end
  line[#line + 1] = user.id
  redis.pcall('PUBLISH', channel, table.concat(line, ' '))
end
local id, now = ARGV[1], now_ms()
local user = read_user(KEYS[1], now)
local stored = redis.call('HMGET', KEYS[1], id, id .. ':d')
if not user or user.blocked or not stored[1] then return { 'refused' } end
if ARGV[4] ~= '' and tonumber(ARGV[4]) ~= user.epoch then return { 'refused' } end
local session = unpack_session(stored[1])
if not is_good(KEYS[1], id, session, ARGV[2], now) then return { 'refused' } end
if status_of(session, user, now, 0, ARGV[8]) ~= LIVE then return { 'refused' } end
local revoked = 0
if ARGV[7] == '1' then
  revoked = count_live(KEYS[1], user, now, ARGV[8]) - 1
  start_epoch(user, now)
  store_next_version(KEYS[1], user)
  session.epoch = user.epoch
end
if ARGV[5] == '1' then
  session.authenticated_at = now
  session.last_seen_at = now
end
local had_family, has_new_family = has_family(session), ARGV[9] ~= ''
local remember_me = session.traits >= REMEMBER_ME and REMEMBER_ME or 0
session.traits = math.max(session.traits % HAS_FAMILY, tonumber(ARGV[6])) + remember_me
if has_new_family then session.traits = session.traits + HAS_FAMILY end
redis.call('HSET', KEYS[1], id .. ':p', struct.pack(PREVIOUS_TOKEN, session.hash, now, 0))
session.hash = ARGV[3]
local record = pack_session(session)
redis.call('HSET', KEYS[1], id, record)
if had_family then end_family(KEYS[1], id, now) end
if has_new_family then
  local access_end = access_end_of(session, user, now, tonumber(ARGV[11]), ARGV[8])
  begin_family(KEYS[1], id, ARGV[9], ARGV[10], access_end)
end
keep_until(KEYS[2], session.authenticated_at + session.absolute_ms)
if ARGV[7] == '1' then announce(ARGV[12], 'sessions.revoked_all', KEYS[1], user, id) end
announce(ARGV[12], 'session.token_replaced', KEYS[1], user, id)
return { 'replaced', now, record, stored[2], user.reply, revoked }
`,
  },
  'revoke-all': {
    sha1: '789cdec6fa0ba0d1bbc8ffd1d7753f49cf3103f1',
    lua: String.raw`#!lua flags=allow-oom
local function now_ms()
  local time = redis.call('TIME')
  return time[1] * 1000 + math.floor(time[2] / 1000)
end
local function digits(number)
  return string.format('%.0f', number)
end
local STANDING, ROLES_FROM, BLOCK = '>I6I5I6', 18, '>I6I7I2c0'
local function user_of(f, now)
  local version, epoch, epoch_at = struct.unpack(STANDING, f[2])
  local user = { id = f[1], version = version, epoch = epoch, epoch_at = epoch_at, roles = string.sub(f[2], ROLES_FROM),
    blocked = false, ip_allowlist = f[5], reply = f }
  if f[3] then user.loaded_at = struct.unpack('>I6', f[3]) end
  if f[3] and #f[3] > 6 then user.source_version = struct.unpack('>I7', f[3], 7) end
  if f[4] then
    local _, until_at = struct.unpack(BLOCK, f[4])
    user.block_until = until_at == 0 and math.huge or until_at
    user.blocked = user.block_until > now
  end
  return user
end
local function read_user(key, now, max_age_ms)
  local f = redis.call('HMGET', key, 'id', 'u', 'l', 'b', 'a')
  if not f[2] then return nil end
  local user = user_of(f, now)
  if max_age_ms and now - (user.loaded_at or 0) > max_age_ms then return nil end
  return user
end
local function has_role(roles, role)
  return string.find(' ' .. roles .. ' ', ' ' .. role .. ' ', 1, true) ~= nil
end
local RECORD, PREVIOUS_TOKEN, DEVICE = '>c32I5I6I5I5I4I5BB', '>c32I6I6', '>Bc0Bc0'
local TIMES, TIMES_FROM = '>I5I6I5I5I4I5BB', 33 -- the record without its token hash
local REMEMBER_ME, HAS_FAMILY = 128, 64
local SESSION_ID_LENGTH, COLON = 16, 58
local function unpack_session(record)
  local hash, epoch, created, seen, authenticated, inactivity, absolute, traits, ended =
    struct.unpack(RECORD, record)
  return {
    hash = hash,
    epoch = epoch,
    created_at = created,
    last_seen_at = created + seen,
    authenticated_at = created + authenticated,
    inactivity_ms = inactivity,
    absolute_ms = absolute,
    traits = traits,
    ended = ended,
  }
end
local function pack_session(s)
  return struct.pack(RECORD, s.hash, s.epoch, s.created_at, math.max(0, s.last_seen_at - s.created_at),
    math.max(0, s.authenticated_at - s.created_at), s.inactivity_ms, s.absolute_ms, s.traits, s.ended)
end
local function has_family(session)
  return session.traits % REMEMBER_ME >= HAS_FAMILY
end
local function effective_lifetime(session, roles, role_lifetimes)
  local inactivity, absolute = session.inactivity_ms, session.absolute_ms
  if role_lifetimes ~= '' then
    for role, role_inactivity, role_absolute in string.gmatch(role_lifetimes, '(%S+) (%d+) (%d+)') do
      if has_role(roles, role) then
        role_inactivity, role_absolute = tonumber(role_inactivity), tonumber(role_absolute)
        absolute = math.min(absolute, role_absolute)
        if inactivity == 0 or (role_inactivity > 0 and role_inactivity < inactivity) then
          inactivity = role_inactivity
        end
      end
    end
  end
  return inactivity, absolute
end
local UNKNOWN, LIVE, REVOKED, EXPIRED = 0, 1, 2, 3
local EVICTED, TIMED_OUT, REUSED = 3, 4, 5
local function expires_at(session, user, role_lifetimes)
  local inactivity, absolute = effective_lifetime(session, user.roles, role_lifetimes)
  local at = session.authenticated_at + absolute
  if inactivity > 0 then at = math.min(at, session.last_seen_at + inactivity) end
  return at, inactivity
end
local function status_of(session, user, now, remember_ended_ms, role_lifetimes)
  local status, ended_at
  if session.ended ~= 0 then
    status, ended_at = session.ended == TIMED_OUT and EXPIRED or REVOKED, session.last_seen_at
  elseif session.epoch ~= user.epoch then
    status, ended_at = REVOKED, user.epoch_at
  else
    local at, inactivity = expires_at(session, user, role_lifetimes)
    if now < at then return LIVE, nil, inactivity end
    status, ended_at = EXPIRED, at
  end
  if now - ended_at > remember_ended_ms then status = UNKNOWN end
  return status, ended_at
end
local function each_record(fields, visit)
  for i = 1, #fields, 2 do
    local id = fields[i]
    if #id == SESSION_ID_LENGTH and string.byte(id, 2) ~= COLON then visit(id, fields[i + 1]) end
  end
end
local function liveness(user, now, role_lifetimes)
  return function(record)
    if role_lifetimes ~= '' then
      local session = unpack_session(record)
      return status_of(session, user, now, 0, role_lifetimes) == LIVE, session.created_at
    end
    local epoch, created, seen, authenticated, inactivity, absolute, _, ended = struct.unpack(TIMES, record, TIMES_FROM)
    local is_live = ended == 0 and epoch == user.epoch and now < created + authenticated + absolute
      and (inactivity == 0 or now < created + seen + inactivity)
    return is_live, created
  end
end
local function count_live(key, user, now, role_lifetimes)
  local live, is_live = 0, liveness(user, now, role_lifetimes)
  each_record(redis.call('HGETALL', key), function(_, record)
    if is_live(record) then live = live + 1 end
  end)
  return live
end
local ACCESS_END, ROTATION, LAST_FAMILY = '>I6', '>I6I6I2c32c16', '>c32I6'
local function read_rotation(key, id, now)
  local packed = redis.call('HGET', key, id .. ':g')
  if not packed then return { access_end = 0 } end
  local access_end = struct.unpack(ACCESS_END, packed)
  if #packed == 6 then return { access_end = access_end } end
  local _, at, grace, previous, salt = struct.unpack(ROTATION, packed)
  if now - at >= grace then
    redis.call('HSET', key, id .. ':g', struct.pack(ACCESS_END, access_end))
    return { access_end = access_end }
  end
  return { access_end = access_end, at = at, previous = previous, salt = salt }
end
local function token_end(key, id, session, hash, now, remember_ended_ms)
  if session.hash == hash then
    return has_family(session) and read_rotation(key, id, now).access_end or math.huge
  end
  local previous = redis.call('HGET', key, id .. ':p')
  if not previous then return nil end
  local previous_hash, at, good_until = struct.unpack(PREVIOUS_TOKEN, previous)
  if previous_hash ~= hash or now - at > remember_ended_ms then return nil end
  return good_until
end
local function is_good(key, id, session, hash, now)
  local good_until = token_end(key, id, session, hash, now, math.huge)
  return good_until ~= nil and now < good_until
end
local function start_epoch(user, now)
  user.epoch, user.epoch_at = user.epoch + 1, now
end
local function store_next_version(key, user)
  user.version = user.version + 1
  user.reply[2] = struct.pack(STANDING, user.version, user.epoch, user.epoch_at) .. user.roles
  redis.call('HSET', key, 'u', user.reply[2])
end
local function announce(channel, name, key, user, session_id, more)
  local line = { name, string.match(key, '{(.-)}'), digits(user.version), digits(user.epoch), session_id or '-' }
  for _, word in ipairs(more or {}) do line[#line + 1] = word end
  line[#line + 1] = user.id
  redis.pcall('PUBLISH', channel, table.concat(line, ' '))
end
local now = now_ms()
local user = read_user(KEYS[1], now)
if not user then return { 'user_unknown' } end
local live = count_live(KEYS[1], user, now, ARGV[3])
local except
if ARGV[1] ~= '' then
  local record = redis.call('HGET', KEYS[1], ARGV[1])
  if not record or user.blocked then return { 'refused' } end
  except = unpack_session(record)
  if not is_good(KEYS[1], ARGV[1], except, ARGV[2], now) then return { 'refused' } end
  if status_of(except, user, now, 0, ARGV[3]) ~= LIVE then return { 'refused' } end
end
start_epoch(user, now)
store_next_version(KEYS[1], user)
if except then
  except.epoch = user.epoch
  redis.call('HSET', KEYS[1], ARGV[1], pack_session(except))
  live = live - 1
end
announce(ARGV[4], 'sessions.revoked_all', KEYS[1], user, except and ARGV[1])
return { 'revoked', user.version, user.epoch, live }
`,
  },
  'revoke-one-time-tokens': {
    sha1: '68f316104a4c5e454571701e47944680c1ffcad4',
    lua: String.raw`#!lua flags=allow-oom
local function now_ms()
  local time = redis.call('TIME')
  return time[1] * 1000 + math.floor(time[2] / 1000)
end
local STANDING, ROLES_FROM, BLOCK = '>I6I5I6', 18, '>I6I7I2c0'
local function user_of(f, now)
  local version, epoch, epoch_at = struct.unpack(STANDING, f[2])
  local user = { id = f[1], version = version, epoch = epoch, epoch_at = epoch_at, roles = string.sub(f[2], ROLES_FROM),
    blocked = false, ip_allowlist = f[5], reply = f }
  if f[3] then user.loaded_at = struct.unpack('>I6', f[3]) end
  if f[3] and #f[3] > 6 then user.source_version = struct.unpack('>I7', f[3], 7) end
  if f[4] then
    local _, until_at = struct.unpack(BLOCK, f[4])
    user.block_until = until_at == 0 and math.huge or until_at
    user.blocked = user.block_until > now
  end
  return user
end
local function read_user(key, now, max_age_ms)
  local f = redis.call('HMGET', key, 'id', 'u', 'l', 'b', 'a')
  if not f[2] then return nil end
  local user = user_of(f, now)
  if max_age_ms and now - (user.loaded_at or 0) > max_age_ms then return nil end
  return user
end
local ONE_TIME = '>c32I5I6I7Bc0'
local TOKEN_ID_LENGTH = 16
local function unpack_one_time(record)
  local hash, epoch, expires_at, issued_at, purpose, rest = struct.unpack(ONE_TIME, record)
  return {
    hash = hash,
    epoch = epoch,
    expires_at = expires_at,
    issued_at = issued_at,
    purpose = purpose,
    data = string.sub(record, rest),
  }
end
local function each_one_time(key, visit)
  local fields = redis.call('HGETALL', key)
  for i = 1, #fields, 2 do
    if #fields[i] == TOKEN_ID_LENGTH then visit(fields[i], unpack_one_time(fields[i + 1])) end
  end
end
local function epoch_of(user)
  return user and user.epoch or 0
end
local now = now_ms()
local epoch = epoch_of(read_user(KEYS[1], now))
local revoked = 0
each_one_time(KEYS[2], function(id, token)
  if token.purpose == ARGV[1] then
    redis.call('HDEL', KEYS[2], id)
    if token.expires_at > now and token.epoch == epoch then revoked = revoked + 1 end
  end
end)
return revoked
`,
  },
  'revoke-session': {
    sha1: '8fc8bb42a56843444b48021cfcb1b99a88f219c5',
    lua: String.raw`#!lua flags=allow-oom
local function now_ms()
  local time = redis.call('TIME')
  return time[1] * 1000 + math.floor(time[2] / 1000)
end
local function digits(number)
  return string.format('%.0f', number)
end
local STANDING, ROLES_FROM, BLOCK = '>I6I5I6', 18, '>I6I7I2c0'
local function user_of(f, now)
  local version, epoch, epoch_at = struct.unpack(STANDING, f[2])
  local user = { id = f[1], version = version, epoch = epoch, epoch_at = epoch_at, roles = string.sub(f[2], ROLES_FROM),
    blocked = false, ip_allowlist = f[5], reply = f }
  if f[3] then user.loaded_at = struct.unpack('>I6', f[3]) end
  if f[3] and #f[3] > 6 then user.source_version = struct.unpack('>I7', f[3], 7) end
  if f[4] then
    local _, until_at = struct.unpack(BLOCK, f[4])
    user.block_until = until_at == 0 and math.huge or until_at
    user.blocked = user.block_until > now
  end
  return user
end
local function read_user(key, now, max_age_ms)
  local f = redis.call('HMGET', key, 'id', 'u', 'l', 'b', 'a')
  if not f[2] then return nil end
  local user = user_of(f, now)
  if max_age_ms and now - (user.loaded_at or 0) > max_age_ms then return nil end
  return user
end
local function has_role(roles, role)
  return string.find(' ' .. roles .. ' ', ' ' .. role .. ' ', 1, true) ~= nil
end
local RECORD, PREVIOUS_TOKEN, DEVICE = '>c32I5I6I5I5I4I5BB', '>c32I6I6', '>Bc0Bc0'
local function unpack_session(record)
  local hash, epoch, created, seen, authenticated, inactivity, absolute, traits, ended =
    struct.unpack(RECORD, record)
  return {
    hash = hash,
    epoch = epoch,
    created_at = created,
    last_seen_at = created + seen,
    authenticated_at = created + authenticated,
    inactivity_ms = inactivity,
    absolute_ms = absolute,
    traits = traits,
    ended = ended,
  }
end
local function pack_session(s)
  return struct.pack(RECORD, s.hash, s.epoch, s.created_at, math.max(0, s.last_seen_at - s.created_at),
    math.max(0, s.authenticated_at - s.created_at), s.inactivity_ms, s.absolute_ms, s.traits, s.ended)
end
local function effective_lifetime(session, roles, role_lifetimes)
  local inactivity, absolute = session.inactivity_ms, session.absolute_ms
  if role_lifetimes ~= '' then
    for role, role_inactivity, role_absolute in string.gmatch(role_lifetimes, '(%S+) (%d+) (%d+)') do
      if has_role(roles, role) then
        role_inactivity, role_absolute = tonumber(role_inactivity), tonumber(role_absolute)
        absolute = math.min(absolute, role_absolute)
        if inactivity == 0 or (role_inactivity > 0 and role_inactivity < inactivity) then
          inactivity = role_inactivity
        end
      end
    end
  end
  return inactivity, absolute
end
local UNKNOWN, LIVE, REVOKED, EXPIRED = 0, 1, 2, 3
local EVICTED, TIMED_OUT, REUSED = 3, 4, 5
local function expires_at(session, user, role_lifetimes)
  local inactivity, absolute = effective_lifetime(session, user.roles, role_lifetimes)
  local at = session.authenticated_at + absolute
  if inactivity > 0 then at = math.min(at, session.last_seen_at + inactivity) end
  return at, inactivity
end
local function status_of(session, user, now, remember_ended_ms, role_lifetimes)
  local status, ended_at
  if session.ended ~= 0 then
    status, ended_at = session.ended == TIMED_OUT and EXPIRED or REVOKED, session.last_seen_at
  elseif session.epoch ~= user.epoch then
    status, ended_at = REVOKED, user.epoch_at
  else
    local at, inactivity = expires_at(session, user, role_lifetimes)
    if now < at then return LIVE, nil, inactivity end
    status, ended_at = EXPIRED, at
  end
  if now - ended_at > remember_ended_ms then status = UNKNOWN end
  return status, ended_at
end
local function end_session(key, id, session, reason, at)
  session.last_seen_at = math.max(at, session.created_at)
  session.ended = reason
  redis.call('HSET', key, id, pack_session(session))
end
local function note_timeout(key, id, session, status, ended_at)
  if status ~= EXPIRED or session.ended ~= 0 then return false end
  end_session(key, id, session, TIMED_OUT, ended_at)
  return true
end
local function announce(channel, name, key, user, session_id, more)
  local line = { name, string.match(key, '{(.-)}'), digits(user.version), digits(user.epoch), session_id or '-' }
  for _, word in ipairs(more or {}) do line[#line + 1] = word end
  line[#line + 1] = user.id
  redis.pcall('PUBLISH', channel, table.concat(line, ' '))
end
local now = now_ms()
local user = read_user(KEYS[1], now)
local record = redis.call('HGET', KEYS[1], ARGV[1])
if not user or not record then return 0 end
local session = unpack_session(record)
local status, ended_at = status_of(session, user, now, tonumber(ARGV[3]), ARGV[4])
redis.call('HDEL', KEYS[2], ARGV[1])
note_timeout(KEYS[1], ARGV[1], session, status, ended_at)
if status ~= LIVE then return 0 end
end_session(KEYS[1], ARGV[1], session, tonumber(ARGV[2]), now)
announce(ARGV[5], 'session.revoked', KEYS[1], user, ARGV[1])
return 1
`,
  },
  'sweep-sessions': {
    sha1: '59d83832f69e949d024f808657d12cd4757b3bc6',
    lua: String.raw`#!lua flags=allow-oom
local function now_ms()
  local time = redis.call('TIME')
  return time[1] * 1000 + math.floor(time[2] / 1000)
end
local STANDING, ROLES_FROM, BLOCK = '>I6I5I6', 18, '>I6I7I2c0'
local function user_of(f, now)
  local version, epoch, epoch_at = struct.unpack(STANDING, f[2])
  local user = { id = f[1], version = version, epoch = epoch, epoch_at = epoch_at, roles = string.sub(f[2], ROLES_FROM),
    blocked = false, ip_allowlist = f[5], reply = f }
  if f[3] then user.loaded_at = struct.unpack('>I6', f[3]) end
  if f[3] and #f[3] > 6 then user.source_version = struct.unpack('>I7', f[3], 7) end
  if f[4] then
    local _, until_at = struct.unpack(BLOCK, f[4])
    user.block_until = until_at == 0 and math.huge or until_at
    user.blocked = user.block_until > now
  end
  return user
end
local function read_user(key, now, max_age_ms)
  local f = redis.call('HMGET', key, 'id', 'u', 'l', 'b', 'a')
  if not f[2] then return nil end
  local user = user_of(f, now)
  if max_age_ms and now - (user.loaded_at or 0) > max_age_ms then return nil end
  return user
end
local function has_role(roles, role)
  return string.find(' ' .. roles .. ' ', ' ' .. role .. ' ', 1, true) ~= nil
end
local RECORD, PREVIOUS_TOKEN, DEVICE = '>c32I5I6I5I5I4I5BB', '>c32I6I6', '>Bc0Bc0'
local TIMES, TIMES_FROM = '>I5I6I5I5I4I5BB', 33 -- the record without its token hash
local SESSION_ID_LENGTH, COLON = 16, 58
local function unpack_session(record)
  local hash, epoch, created, seen, authenticated, inactivity, absolute, traits, ended =
    struct.unpack(RECORD, record)
  return {
    hash = hash,
    epoch = epoch,
    created_at = created,
    last_seen_at = created + seen,
    authenticated_at = created + authenticated,
    inactivity_ms = inactivity,
    absolute_ms = absolute,
    traits = traits,
    ended = ended,
  }
end
local function pack_session(s)
  return struct.pack(RECORD, s.hash, s.epoch, s.created_at, math.max(0, s.last_seen_at - s.created_at),
    math.max(0, s.authenticated_at - s.created_at), s.inactivity_ms, s.absolute_ms, s.traits, s.ended)
end
local function effective_lifetime(session, roles, role_lifetimes)
  local inactivity, absolute = session.inactivity_ms, session.absolute_ms
  if role_lifetimes ~= '' then
    for role, role_inactivity, role_absolute in string.gmatch(role_lifetimes, '(%S+) (%d+) (%d+)') do
      if has_role(roles, role) then
        role_inactivity, role_absolute = tonumber(role_inactivity), tonumber(role_absolute)
        absolute = math.min(absolute, role_absolute)
        if inactivity == 0 or (role_inactivity > 0 and role_inactivity < inactivity) then
          inactivity = role_inactivity
        end
      end
    end
  end
  return inactivity, absolute
end
local UNKNOWN, LIVE, REVOKED, EXPIRED = 0, 1, 2, 3
local EVICTED, TIMED_OUT, REUSED = 3, 4, 5
local function expires_at(session, user, role_lifetimes)
  local inactivity, absolute = effective_lifetime(session, user.roles, role_lifetimes)
  local at = session.authenticated_at + absolute
  if inactivity > 0 then at = math.min(at, session.last_seen_at + inactivity) end
  return at, inactivity
end
local function status_of(session, user, now, remember_ended_ms, role_lifetimes)
  local status, ended_at
  if session.ended ~= 0 then
    status, ended_at = session.ended == TIMED_OUT and EXPIRED or REVOKED, session.last_seen_at
  elseif session.epoch ~= user.epoch then
    status, ended_at = REVOKED, user.epoch_at
  else
    local at, inactivity = expires_at(session, user, role_lifetimes)
    if now < at then return LIVE, nil, inactivity end
    status, ended_at = EXPIRED, at
  end
  if now - ended_at > remember_ended_ms then status = UNKNOWN end
  return status, ended_at
end
local function each_record(fields, visit)
  for i = 1, #fields, 2 do
    local id = fields[i]
    if #id == SESSION_ID_LENGTH and string.byte(id, 2) ~= COLON then visit(id, fields[i + 1]) end
  end
end
local function liveness(user, now, role_lifetimes)
  return function(record)
    if role_lifetimes ~= '' then
      local session = unpack_session(record)
      return status_of(session, user, now, 0, role_lifetimes) == LIVE, session.created_at
    end
    local epoch, created, seen, authenticated, inactivity, absolute, _, ended = struct.unpack(TIMES, record, TIMES_FROM)
    local is_live = ended == 0 and epoch == user.epoch and now < created + authenticated + absolute
      and (inactivity == 0 or now < created + seen + inactivity)
    return is_live, created
  end
end
local function end_session(key, id, session, reason, at)
  session.last_seen_at = math.max(at, session.created_at)
  session.ended = reason
  redis.call('HSET', key, id, pack_session(session))
end
local function note_timeout(key, id, session, status, ended_at)
  if status ~= EXPIRED or session.ended ~= 0 then return false end
  end_session(key, id, session, TIMED_OUT, ended_at)
  return true
end
local function forget_session(key, id)
  redis.call('HDEL', key, id, id .. ':d', id .. ':p', id .. ':f', id .. ':g', id .. ':r')
end
local function part_sessions(key, fields, user, at)
  local live, ended, forgotten = {}, {}, 0
  local is_live = liveness(user, at.now, at.role_lifetimes)
  each_record(fields, function(id, record)
    local lives, created_at = is_live(record)
    if lives then
      live[#live + 1] = { id = id, at = created_at, record = record }
      return
    end
    local session = unpack_session(record)
    local status, ended_at = status_of(session, user, at.now, at.remember_ended_ms, at.role_lifetimes)
    if status == UNKNOWN then
      forget_session(key, id)
      forgotten = forgotten + 1
      return
    end
    note_timeout(key, id, session, status, ended_at)
    ended[#ended + 1] = { id = id, at = ended_at }
  end)
  return live, ended, forgotten
end
local function newer(a, b)
  return a.at > b.at or (a.at == b.at and a.id > b.id)
end
local function take_oldest(entries, count, visit)
  if count == 1 then
    local oldest = 1
    for i = 2, #entries do
      if newer(entries[oldest], entries[i]) then oldest = i end
    end
    entries[oldest], entries[#entries] = entries[#entries], entries[oldest]
  elseif count > 1 then
    table.sort(entries, newer)
  end
  for _ = 1, count do visit(table.remove(entries)) end
end
local function ids_of(entries)
  local ids = {}
  for _, entry in ipairs(entries) do ids[entry.id] = true end
  return ids
end
local function sweep_data(key, sessions)
  local ids = redis.call('HKEYS', key)
  if #ids == 0 then return end
  local kept = ids_of(sessions)
  for _, id in ipairs(ids) do
    if not kept[id] then redis.call('HDEL', key, id) end
  end
end
local TAT, SLASH = '>I7', 47
local function tat_of(stored)
  return stored and struct.unpack(TAT, stored) or 0
end
local function sweep_quotas(key, fields, sessions, now)
  local kept
  for i = 1, #fields, 2 do
    local field = fields[i]
    if string.sub(field, 1, 2) == 'q:' then
      local slash = string.find(field, '/', 3, true)
      if slash and not kept then kept = ids_of(sessions) end
      local is_over = slash and not kept[string.sub(field, slash + 1)]
      if is_over or tat_of(fields[i + 1]) <= now then redis.call('HDEL', key, field) end
    end
  end
end
local now = now_ms()
local user = read_user(KEYS[1], now)
if not user then return 0 end
local fields = redis.call('HGETALL', KEYS[1])
local at = { now = now, remember_ended_ms = tonumber(ARGV[1]), role_lifetimes = ARGV[3] }
local live, ended, forgotten = part_sessions(KEYS[1], fields, user, at)
local too_many = math.max(0, #ended - tonumber(ARGV[2]))
take_oldest(ended, too_many, function(entry) forget_session(KEYS[1], entry.id) end)
sweep_data(KEYS[2], live)
sweep_quotas(KEYS[1], fields, live, now * 1000)
return forgotten + too_many
`,
  },
  'throttle': {
    sha1: 'e9802632173e4abf1d6b8a49261250983800adc3',
    lua: String.raw`#!lua
local PARTS, HEAD_BYTES, PART_BYTES = 32, 7, 11
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local ttl, limit, block = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local blocked_until, parts, hits = 0, {}, 0
local stored = redis.call('GET', KEYS[1])
if stored then
  blocked_until = math.min(struct.unpack('>I7', stored), now + math.max(block, ttl))
  for from = HEAD_BYTES + 1, #stored, PART_BYTES do
    local last, count = struct.unpack('>I7I4', stored, from)
    last = math.min(last, now) -- one from ahead was counted before the clock stepped back
    if last + ttl > now then
      parts[#parts + 1] = { last = last, count = count }
      hits = hits + count
    end
  end
end
local function part_of(at)
  return math.floor(at / (ttl / PARTS))
end
local function count_hit()
  hits = hits + 1
  local newest = parts[#parts]
  if newest and part_of(newest.last) == part_of(now) then
    newest.count, newest.last = newest.count + 1, math.max(newest.last, now)
  else
    parts[#parts + 1] = { last = now, count = 1 }
  end
end
local function room_at()
  local left = hits
  for _, part in ipairs(parts) do
    left = left - part.count
    if left < limit then return part.last + ttl end
  end
  return now + ttl
end
local function store()
  local newest = parts[#parts]
  local ttl_ms = math.ceil((math.max(blocked_until, newest and newest.last + ttl or 0) - now) / 1000)
  if ttl_ms <= 0 then return redis.call('DEL', KEYS[1]) end
  local packed = { struct.pack('>I7', blocked_until) }
  for _, part in ipairs(parts) do
    packed[#packed + 1] = struct.pack('>I7I4', part.last, part.count)
  end
  redis.call('SET', KEYS[1], table.concat(packed), 'PX', string.format('%.0f', ttl_ms))
end
local blocked = blocked_until > now
if not blocked and hits < limit then
  count_hit()
  store()
elseif not blocked then
  blocked, blocked_until = true, math.max(now + block, room_at())
  if block > 0 then store() end
end
local reset = parts[1] and parts[1].last + ttl - now or ttl
if blocked then return { limit + 1, reset, 1, blocked_until - now } end
return { hits, reset, 0, 0 }
`,
  },
  'user-quota-back': {
    sha1: '9cd0b5bdbdda0e1e79ae44590ec9c68b9c65cb22',
    lua: String.raw`#!lua flags=allow-oom
local function now_us()
  local time = redis.call('TIME')
  return time[1] * 1000000 + time[2]
end
local function bounded_tat(tat, emission, burst, now)
  return math.min(math.max(tat, now), now + burst * emission)
end
local function wait_us(tat, emission, burst, cost, now)
  return math.max(0, tat + (cost - burst) * emission - now)
end
local function describe_quota(tat, emission, burst, cost, now)
  local used = tat - now
  return math.max(0, math.floor((burst * emission - used) / emission)), wait_us(tat, emission, burst, cost, now), used
end
local function loosen(operation, tat, emission, burst, cost, now)
  tat = operation == 'reset' and now or bounded_tat(tat, emission, burst, now)
  local has_room = wait_us(tat, emission, burst, cost, now) == 0
  if operation == 'refund' then tat = math.max(now, tat - cost * emission) end
  return has_room, tat
end
local TAT, SLASH = '>I7', 47
local function tat_of(stored)
  return stored and struct.unpack(TAT, stored) or 0
end
local now, emission, burst = now_us(), tonumber(ARGV[3]), tonumber(ARGV[4])
local stored = redis.call('HGET', KEYS[1], ARGV[1])
local allowed, tat = loosen(ARGV[2], tat_of(stored), emission, burst, tonumber(ARGV[5]), now)
local remaining, wait, reset = describe_quota(tat, emission, burst, 1, now)
if ARGV[2] ~= 'peek' and stored and reset > 0 then
  redis.call('HSET', KEYS[1], ARGV[1], struct.pack(TAT, tat))
elseif ARGV[2] ~= 'peek' then
  redis.call('HDEL', KEYS[1], ARGV[1])
end
return { allowed and 1 or 0, remaining, wait, reset }
`,
  },
  'user-quota': {
    sha1: '59dcd84a251764a59b4a767ccb79aedd505c0f2f',
    lua: String.raw`#!lua
local function now_us()
  local time = redis.call('TIME')
  return time[1] * 1000000 + time[2]
end
local function bounded_tat(tat, emission, burst, now)
  return math.min(math.max(tat, now), now + burst * emission)
end
local function wait_us(tat, emission, burst, cost, now)
  return math.max(0, tat + (cost - burst) * emission - now)
end
local function describe_quota(tat, emission, burst, cost, now)
  local used = tat - now
  return math.max(0, math.floor((burst * emission - used) / emission)), wait_us(tat, emission, burst, cost, now), used
end
local function consume(tat, emission, burst, cost, now)
  tat = bounded_tat(tat, emission, burst, now)
  if wait_us(tat, emission, burst, cost, now) > 0 then return false, tat end
  return true, tat + cost * emission
end
local TAT, SLASH = '>I7', 47
local function tat_of(stored)
  return stored and struct.unpack(TAT, stored) or 0
end
local now, emission, burst, cost = now_us(), tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
local stored = redis.call('HMGET', KEYS[1], ARGV[1], 'u')
local allowed, tat = consume(tat_of(stored[1]), emission, burst, cost, now)
local remaining, wait, reset = describe_quota(tat, emission, burst, cost, now)
if allowed then
  redis.call('HSET', KEYS[1], ARGV[1], struct.pack(TAT, tat))
  local for_ms = math.ceil(reset / 1000)
  if not stored[2] and redis.call('PTTL', KEYS[1]) < for_ms then redis.call('PEXPIRE', KEYS[1], for_ms) end
end
return { allowed and 1 or 0, remaining, wait, reset }
`,
  },
  'write-data': {
    sha1: '98bdbecf9d91435fee5b3b3f7326d22695c3920e',
    lua: String.raw`#!lua
local function now_ms()
  local time = redis.call('TIME')
  return time[1] * 1000 + math.floor(time[2] / 1000)
end
local function digits(number)
  return string.format('%.0f', number)
end
local STANDING, ROLES_FROM, BLOCK = '>I6I5I6', 18, '>I6I7I2c0'
local function user_of(f, now)
  local version, epoch, epoch_at = struct.unpack(STANDING, f[2])
  local user = { id = f[1], version = version, epoch = epoch, epoch_at = epoch_at, roles = string.sub(f[2], ROLES_FROM),
    blocked = false, ip_allowlist = f[5], reply = f }
  if f[3] then user.loaded_at = struct.unpack('>I6', f[3]) end
  if f[3] and #f[3] > 6 then user.source_version = struct.unpack('>I7', f[3], 7) end
  if f[4] then
    local _, until_at = struct.unpack(BLOCK, f[4])
    user.block_until = until_at == 0 and math.huge or until_at
    user.blocked = user.block_until > now
  end
  return user
end
local function read_user(key, now, max_age_ms)
  local f = redis.call('HMGET', key, 'id', 'u', 'l', 'b', 'a')
  if not f[2] then return nil end
  local user = user_of(f, now)
  if max_age_ms and now - (user.loaded_at or 0) > max_age_ms then return nil end
  return user
end
local function has_role(roles, role)
  return string.find(' ' .. roles .. ' ', ' ' .. role .. ' ', 1, true) ~= nil
end
local RECORD, PREVIOUS_TOKEN, DEVICE = '>c32I5I6I5I5I4I5BB', '>c32I6I6', '>Bc0Bc0'
local REMEMBER_ME, HAS_FAMILY = 128, 64
local function unpack_session(record)
  local hash, epoch, created, seen, authenticated, inactivity, absolute, traits, ended =
    struct.unpack(RECORD, record)
  return {
    hash = hash,
    epoch = epoch,
    created_at = created,
    last_seen_at = created + seen,
    authenticated_at = created + authenticated,
    inactivity_ms = inactivity,
    absolute_ms = absolute,
    traits = traits,
    ended = ended,
  }
end
local function has_family(session)
  return session.traits % REMEMBER_ME >= HAS_FAMILY
end
local function effective_lifetime(session, roles, role_lifetimes)
  local inactivity, absolute = session.inactivity_ms, session.absolute_ms
  if role_lifetimes ~= '' then
    for role, role_inactivity, role_absolute in string.gmatch(role_lifetimes, '(%S+) (%d+) (%d+)') do
      if has_role(roles, role) then
        role_inactivity, role_absolute = tonumber(role_inactivity), tonumber(role_absolute)
        absolute = math.min(absolute, role_absolute)
        if inactivity == 0 or (role_inactivity > 0 and role_inactivity < inactivity) then
          inactivity = role_inactivity
        end
      end
    end
  end
  return inactivity, absolute
end
local UNKNOWN, LIVE, REVOKED, EXPIRED = 0, 1, 2, 3
local EVICTED, TIMED_OUT, REUSED = 3, 4, 5
local function expires_at(session, user, role_lifetimes)
  local inactivity, absolute = effective_lifetime(session, user.roles, role_lifetimes)
  local at = session.authenticated_at + absolute
  if inactivity > 0 then at = math.min(at, session.last_seen_at + inactivity) end
  return at, inactivity
end
local function status_of(session, user, now, remember_ended_ms, role_lifetimes)
  local status, ended_at
  if session.ended ~= 0 then
    status, ended_at = session.ended == TIMED_OUT and EXPIRED or REVOKED, session.last_seen_at
  elseif session.epoch ~= user.epoch then
    status, ended_at = REVOKED, user.epoch_at
  else
    local at, inactivity = expires_at(session, user, role_lifetimes)
    if now < at then return LIVE, nil, inactivity end
    status, ended_at = EXPIRED, at
  end
  if now - ended_at > remember_ended_ms then status = UNKNOWN end
  return status, ended_at
end
local ACCESS_END, ROTATION, LAST_FAMILY = '>I6', '>I6I6I2c32c16', '>c32I6'
local function read_rotation(key, id, now)
  local packed = redis.call('HGET', key, id .. ':g')
  if not packed then return { access_end = 0 } end
  local access_end = struct.unpack(ACCESS_END, packed)
  if #packed == 6 then return { access_end = access_end } end
  local _, at, grace, previous, salt = struct.unpack(ROTATION, packed)
  if now - at >= grace then
    redis.call('HSET', key, id .. ':g', struct.pack(ACCESS_END, access_end))
    return { access_end = access_end }
  end
  return { access_end = access_end, at = at, previous = previous, salt = salt }
end
local function token_end(key, id, session, hash, now, remember_ended_ms)
  if session.hash == hash then
    return has_family(session) and read_rotation(key, id, now).access_end or math.huge
  end
  local previous = redis.call('HGET', key, id .. ':p')
  if not previous then return nil end
  local previous_hash, at, good_until = struct.unpack(PREVIOUS_TOKEN, previous)
  if previous_hash ~= hash or now - at > remember_ended_ms then return nil end
  return good_until
end
local function is_good(key, id, session, hash, now)
  local good_until = token_end(key, id, session, hash, now, math.huge)
  return good_until ~= nil and now < good_until
end
local function read_data(key, id)
  local stored = redis.call('HGET', key, id)
  if not stored then return 0, '' end
  return struct.unpack('>I6', stored), string.sub(stored, 7)
end
local function keep_until(key, at)
  if redis.call('PEXPIRETIME', key) < at then redis.call('PEXPIREAT', key, digits(at)) end
end
local function write_data(key, id, version, payload, keep_until_at)
  redis.call('HSET', key, id, struct.pack('>I6', version) .. payload)
  keep_until(key, keep_until_at)
end
local function proven_session(key, proof)
  local user = read_user(key, proof.now)
  local record = redis.call('HGET', key, proof.id)
  if not user or user.blocked or not record then return nil end
  local session = unpack_session(record)
  if not is_good(key, proof.id, session, proof.hash, proof.now) then return nil end
  return status_of(session, user, proof.now, 0, proof.role_lifetimes) == LIVE and session or nil
end
local id, now = ARGV[1], now_ms()
local session = proven_session(KEYS[1], { id = id, hash = ARGV[2], now = now, role_lifetimes = ARGV[6] })
if not session then return { 'refused' } end
local version, payload = read_data(KEYS[2], id)
if tonumber(ARGV[3]) ~= version then return { 'version_conflict', version, payload } end
if ARGV[5] ~= '1' then version = math.max(version + 1, now) end
write_data(KEYS[2], id, version, ARGV[4], session.authenticated_at + session.absolute_ms)
return { 'written', version }
`,
  },
  'write-ip-list': {
    sha1: 'e637e8cca708bffe67f6544d406ea103b86fe580',
    lua: String.raw`#!lua flags=allow-oom
local function digits(number)
  return string.format('%.0f', number)
end
local version = redis.call('HGET', KEYS[1], 'version')
if ARGV[3] ~= '' and ARGV[3] ~= (version or 'absent') then return 0 end
local time = redis.call('TIME')
local new_version = math.max(time[1] * 1000000 + time[2], (tonumber(version or nil) or 0) + 1)
redis.call('HSET', KEYS[1], 'version', digits(new_version), 'ranges', ARGV[2])
redis.pcall('PUBLISH', ARGV[4], 'ip_list.changed ' .. ARGV[1] .. ' ' .. digits(new_version))
return new_version
`,
  },
} as const;
