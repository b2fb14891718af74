#!lua flags=allow-oom
-- What is known of a presented token; counts the request as activity when that is due and the request may be made.
-- Before the token hash is found right, it tells, touches and counts nothing. It runs with every request, and Redis makes
-- each function anew in each run: those for what is out of the ordinary are made only where they are needed.
-- When full: check: of a right token; it adds a field for each quota of the request at most, and one for leases
-- KEYS[1] user
-- KEYS[2] data               only with withData
-- ARGV[1] sessionId
-- ARGV[2] tokenHash          32 bytes
-- ARGV[3] clientIp           the address's bits, as include/ip.lua has them; empty: not known
-- ARGV[4] refusedRoles       names parted by spaces; '*': everybody
-- ARGV[5] touchIfRoles       role groups, each with a bar before it: '|moderator admin|auditor'
-- ARGV[6] withData           1: of a session that may act, answer its data as well
-- ARGV[7] touchIntervalMs
-- ARGV[8] rememberEndedMs
-- ARGV[9] maxStateAgeMs      or since when it must have been loaded; empty: the record is the truth, whatever its age
-- ARGV[10] roleLifetimes
-- ARGV[11] lease            of a near cache that may keep the answer (include/lease.lua); empty: nobody keeps it
-- ARGV[12..] quotas          the field of each quota of the request (include/user-quota.lua; with a slash at its end, the session
--                             ID is to follow), then emissionUs and burst of each
-- Returns { UNKNOWN } | { LOAD, userId } load first | what was found, as include/facts.lua has it: status LIVE,
--   REVOKED or EXPIRED; quotas only of a request that they were looked at for
-- @include user-record
-- @include session-record
-- @include facts
-- @include user-quota

local id = ARGV[1]
local quotas = (#ARGV - 11) / 3
for i = 12, 11 + quotas do
  if string.byte(ARGV[i], -1) == SLASH then ARGV[i] = ARGV[i] .. id end
end
local f = redis.call('HMGET', KEYS[1], 'id', 'u', 'l', 'b', 'a', id, id .. ':d', unpack(ARGV, 12, 11 + quotas))
local standing, record = f[2], f[6]
if not (record and standing and f[1]) then return { UNKNOWN } end
local hash, epoch, created_at, seen, authenticated, inactivity_ms, absolute_ms, traits, ended =
  struct.unpack(RECORD, record)
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)

local ends = math.huge
-- Lua interns strings: this compares two addresses, not byte by byte. Both sides are digests besides.
if hash ~= ARGV[2] or traits % REMEMBER_ME >= HAS_FAMILY then
  -- @include session-record
  -- @include family
  ends = token_end(KEYS[1], id, { hash = hash, traits = traits }, ARGV[2], now, tonumber(ARGV[8]))
  if not ends then return { UNKNOWN } end
end
if ARGV[9] ~= '' then
  local oldest = tonumber(ARGV[9])
  if oldest < INSTANTS then oldest = now - oldest end
  if not f[3] or struct.unpack('>I6', f[3]) < oldest then return { LOAD, f[1] } end
end

local status, inactive_after_ms = LIVE, inactivity_ms
local _, user_epoch = struct.unpack(STANDING, standing)
local ends_at = timeout_at(created_at + seen, inactivity_ms, created_at + authenticated, absolute_ms)
if ended ~= 0 or epoch ~= user_epoch or now >= ends_at or ARGV[10] ~= '' then
  -- @include user-record
  -- @include session-record
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
  -- @include user-record
  -- @include ip
  admitted = admits_ip(string.sub(standing, ROLES_FROM), f[5], ARGV[3], ARGV[4])
  if not admitted then flags = flags - 1 end
end

if status == LIVE and not blocked and admitted then
  local writes = {}
  if quotas > 0 then
    -- @include gcra
    -- @include user-quota
    -- All of the request's quotas, or none.
    local at_us, tats, rooms, has_room = time[1] * 1000000 + time[2], {}, {}, true
    for i = 1, quotas do
      local policy = 10 + quotas + 2 * i
      rooms[i], tats[i] = room_for(1, tat_of(f[7 + i]), ARGV[policy], ARGV[policy + 1], at_us)
      has_room = has_room and rooms[i]
    end
    for i = 1, quotas do
      local policy = 10 + quotas + 2 * i
      local emission, burst = tonumber(ARGV[policy]), tonumber(ARGV[policy + 1])
      if has_room then
        tats[i] = tats[i] + emission
        writes[2 * i - 1], writes[2 * i] = ARGV[11 + i], struct.pack(TAT, tats[i])
      elseif tats[i] < tat_of(f[7 + i]) then
        writes[#writes + 1], writes[#writes + 2] = ARGV[11 + i], struct.pack(TAT, tats[i])
      end
      more = more .. struct.pack(QUOTA, rooms[i] and 1 or 0, describe_quota(tats[i], emission, burst, 1, at_us))
    end
    flags = flags + 16
  end
  if ARGV[6] == '1' then
    -- @include session-data
    local version, payload = read_data(KEYS[2], id)
    flags, more = flags + 32, more .. struct.pack('>I6I4', version, #payload) .. payload
  end
  local age = now - created_at
  local idle, is_ahead = age - seen, seen > age or authenticated > age
  local is_due = idle >= tonumber(ARGV[7]) or (inactive_after_ms > 0 and idle >= math.floor(inactive_after_ms / 20))
  if is_ahead or (is_due and idle > 0) then
    local may = true
    if ARGV[5] ~= '' then
      -- @include user-record
      -- @include touch
      may = may_touch(string.sub(standing, ROLES_FROM), ARGV[5])
    end
    if may and is_ahead then
      -- @include session-record
      record = pack_session(not_ahead(unpack_session(record), now))
    elseif may then
      record = struct.pack(LAST_SEEN, record, age, string.sub(record, LAST_SEEN_END + 1))
    end
    if may then
      writes[#writes + 1] = id
      writes[#writes + 1] = record
    end
  end
  if ARGV[11] ~= '' then
    -- @include lease
    local fresh_until = ARGV[9] ~= '' and struct.unpack('>I6', f[3]) + tonumber(ARGV[9]) or math.huge
    if grant_lease(KEYS[1], ARGV[11], now, fresh_until) then flags = flags + 64 end
  end
  if writes[1] then redis.call('HSET', KEYS[1], unpack(writes)) end
end
local device = f[7] or ''
return struct.pack(FACTS, status, flags, now, ends == math.huge and 0 or ends, #f[1], #standing, #device)
  .. string.sub(record, TIMES_FROM) .. f[1] .. device .. standing .. more
