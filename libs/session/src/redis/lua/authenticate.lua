#!lua flags=allow-oom
-- What is known of a presented token; counts the request as activity when that is due and the request may be made.
-- Before the token hash is found right, it tells, touches and counts nothing.
-- KEYS[1] user
-- KEYS[2] sessions
-- KEYS[3] data
-- KEYS[4..] quotas           those of the request that live on this user's slot
-- ARGV[1] sessionId
-- ARGV[2] tokenHash          32 bytes
-- ARGV[3] touchIfRoles       role groups, each with a bar before it: '|moderator admin|auditor'
-- ARGV[4] touchIntervalMs
-- ARGV[5] rememberEndedMs
-- ARGV[6] maxStateAgeMs      empty: the record is the truth, whatever its age
-- ARGV[7] roleLifetimes
-- ARGV[8] withData          1: of a session that may act, answer its data as well
-- ARGV[9] clientIp           the address's bits, as include/ip.lua has them; empty: not known
-- ARGV[10] refusedRoles      names parted by spaces; '*': everybody
-- ARGV[11..] quotaPolicies   'emissionUs burst', one for each quota
-- Returns { 0 } unknown | { 4, userId } load first | what was found, as include/facts.lua has it: status 1 live, 2 revoked
--   or 3 expired; quotas only of a request that they were looked at for
-- @include user-record
-- @include session-record
-- @include family
-- @include session-data
-- @include ip
-- @include gcra
-- @include facts

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

-- All of the request's quotas, or none.
local function consume_quotas(now)
  local quotas, allowed, packed = {}, true, {}
  for i = 4, #KEYS do
    local quota = read_quota(KEYS[i], ARGV[i + 7], now)
    quotas[#quotas + 1] = quota
    quota.has_room = wait_us(quota, 1, now) == 0
    allowed = allowed and quota.has_room
  end
  for i, quota in ipairs(quotas) do
    if allowed then consume(quota, 1, now) end
    packed[i] = struct.pack(QUOTA, quota.has_room and 1 or 0, describe_quota(quota, now))
  end
  return table.concat(packed)
end

local id, time_us, remember_ended_ms = ARGV[1], now_us(), tonumber(ARGV[5])
local now = math.floor(time_us / 1000)
local stored = redis.call('HMGET', KEYS[2], id, id .. ':d')
if not stored[1] then return { UNKNOWN } end
local session = unpack_session(stored[1])

local ends = token_end(KEYS[2], id, session, ARGV[2], now, remember_ended_ms)
if not ends then return { UNKNOWN } end

local user = read_user(KEYS[1], now, tonumber(ARGV[6]))
if not user then
  if ARGV[6] == '' then return { UNKNOWN } end
  return { 4, redis.call('HGET', KEYS[2], 'user') }
end

local status, ended_at, inactivity = status_of(session, user, now, remember_ended_ms, ARGV[7])
if status == UNKNOWN then return { UNKNOWN } end
if note_timeout(KEYS[2], id, session, status, ended_at) then redis.call('HDEL', KEYS[3], id) end
if ends == 0 then
  status = REVOKED
elseif status == LIVE and now >= ends then
  status = EXPIRED -- of the token alone: the session goes on
end

local found = { status = status, now = now, admitted = admits_ip(user, ARGV[9], ARGV[10]),
  token_end = ends == math.huge and 0 or ends }
if status == LIVE and not user.blocked and found.admitted then
  if #KEYS > 3 then found.quotas = consume_quotas(time_us) end
  if ARGV[8] == '1' then found.data_version, found.payload = read_data(KEYS[3], id) end
  local touch_after = tonumber(ARGV[4])
  if inactivity > 0 then touch_after = math.min(touch_after, math.floor(inactivity / 20)) end
  if now - session.last_seen_at >= touch_after and now > session.last_seen_at and may_touch(user.roles, ARGV[3]) then
    session.last_seen_at = now
    stored[1] = pack_session(session)
    redis.call('HSET', KEYS[2], id, stored[1])
  end
end
return pack_facts(found, stored[1], stored[2], user)
