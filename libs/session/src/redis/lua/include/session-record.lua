-- A session is one field of its user's hash (user-record.lua): session ID -> 64 bytes, so that the hash keeps its compact
-- encoding.
--   1-32 token hash | 33-37 epoch | 38-43 createdAt | 44-48 lastSeenAt - createdAt | 49-53 authenticatedAt - createdAt
--   54-57 inactivity timeout (0: none) | 58-62 absolute timeout | 63 assurance, + 128 for remember-me, + 64 when it has
--   refresh tokens (family.lua) | 64 end reason
-- An ended session has the instant of its end in the place of lastSeenAt, and an end reason that is not 0: a code of
-- END_REASONS in model/session.ts, of which TIMED_OUT alone means `expired`. A timeout is written down when it is first seen, so that
-- no later change of roles undoes it.
-- Beside it: ID:d the device (device-record.ts), ID:p the token hash before this one, when that ended, and until when it is good all the same
-- (0: not at all).
-- A user with many fields has two more, so that a login or a block does not read them all:
--   n  1-5 epoch | 6-8 how many sessions of that epoch nothing has ended | 9-14 the first instant at which one of them may
--      time out | 15-20 when a login last looked at all of them | 21-22 how many have not, since | 23-30 digest of roles and lifetimes
--   o  the IDs of the oldest sessions, oldest first; those that have ended since may be among them
local RECORD, PREVIOUS_TOKEN, DEVICE = '>c32I5I6I5I5I4I5BB', '>c32I6I6', '>Bc0Bc0'
local TIMES, TIMES_FROM = '>I5I6I5I5I4I5BB', 33 -- the record without its token hash
local LAST_SEEN, LAST_SEEN_END = '>c43I5c16', 48 -- a record with another lastSeenAt
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

-- What was written before the clock stepped back counts as now: the session gains nothing by the step from here on.
local function not_ahead(session, now)
  session.created_at = math.min(session.created_at, now)
  session.last_seen_at = math.min(session.last_seen_at, now)
  session.authenticated_at = math.min(session.authenticated_at, now)
  return session
end

local function has_family(session)
  return session.traits % REMEMBER_ME >= HAS_FAMILY
end

-- The strictest of the session's own lifetime and those of the user's roles: 'admin 900000 43200000 ...'.
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
local EVICTED, TIMED_OUT, REFRESH_REUSED = 3, 4, 5

-- When a session that nothing ends runs out: the nearer of its timeouts, of which an inactivity timeout of 0 is none.
local function timeout_at(last_seen_at, inactivity, authenticated_at, absolute)
  local at = authenticated_at + absolute
  if inactivity > 0 and last_seen_at + inactivity < at then at = last_seen_at + inactivity end
  return at
end

-- The same with the roles of this moment, and the inactivity timeout that they leave.
local function expires_at(session, user, role_lifetimes)
  local inactivity, absolute = effective_lifetime(session, user.roles, role_lifetimes)
  return timeout_at(session.last_seen_at, inactivity, session.authenticated_at, absolute), inactivity
end

-- What a session is at this moment, and since when if it has ended. Mirrors storage/contract/session-status.ts.
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

-- Calls visit(id, record) for every session among all fields of the hash. Other names that are as long have a colon at
-- their second place.
local function each_record(fields, visit)
  for i = 1, #fields, 2 do
    local id = fields[i]
    if #id == SESSION_ID_LENGTH and string.byte(id, 2) ~= COLON then visit(id, fields[i + 1]) end
  end
end

-- Tells whether a record is of a live session, since when there is one, and when it times out, without taking all of it
-- apart: a user may have thousands. With lifetimes of roles it takes the long way.
local function liveness(user, now, role_lifetimes)
  return function(record)
    if role_lifetimes ~= '' then
      local session = unpack_session(record)
      local ends_at = expires_at(session, user, role_lifetimes)
      return session.ended == 0 and session.epoch == user.epoch and now < ends_at, session.created_at, ends_at
    end
    local epoch, created, seen, authenticated, inactivity, absolute, _, ended = struct.unpack(TIMES, record, TIMES_FROM)
    local ends_at = timeout_at(created + seen, inactivity, created + authenticated, absolute)
    return ended == 0 and epoch == user.epoch and now < ends_at, created, ends_at
  end
end

local TALLY, OPEN_SESSIONS, OPEN_SESSIONS_END, MANY_FIELDS, NO_TIMEOUT = '>I5I3I6I6I2c8', '>I5I3', 8, 512, 2 ^ 48 - 1

local function digest_of_lifetimes(user, role_lifetimes)
  if role_lifetimes == '' then return '--------' end
  return string.sub(redis.sha1hex(role_lifetimes .. '|' .. user.roles), 1, 8)
end

-- What was counted of this epoch; nil: nothing. `open` is the number of live sessions, or more where some have timed out.
local function read_tally(key, user)
  local stored = redis.call('HGET', key, 'n')
  if not stored then return nil end
  local epoch, open, exact_until, looked_at, logins, lifetimes = struct.unpack(TALLY, stored)
  if epoch ~= user.epoch then return nil end
  return { open = open, exact_until = exact_until, looked_at = looked_at, logins = logins, lifetimes = lifetimes }
end

local function is_exact(tally, user, now, role_lifetimes)
  return now < tally.exact_until and tally.lifetimes == digest_of_lifetimes(user, role_lifetimes)
end

local function store_tally(key, user, tally)
  redis.call('HSET', key, 'n', struct.pack(TALLY, user.epoch, tally.open, tally.exact_until, tally.looked_at, tally.logins,
    tally.lifetimes))
end

-- How many sessions are live, and the tally of a user who has many fields.
local function count_live(key, user, now, role_lifetimes)
  local tally = read_tally(key, user)
  if tally and is_exact(tally, user, now, role_lifetimes) then return tally.open, tally end
  local live, exact_until, is_live = 0, NO_TIMEOUT, liveness(user, now, role_lifetimes)
  local fields = redis.call('HGETALL', key)
  each_record(fields, function(_, record)
    local lives, _, ends_at = is_live(record)
    if not lives then return end
    live = live + 1
    if ends_at < exact_until then exact_until = ends_at end
  end)
  if #fields <= 2 * MANY_FIELDS then return live end
  return live, { open = live, exact_until = exact_until, looked_at = 0, logins = 0,
    lifetimes = digest_of_lifetimes(user, role_lifetimes) }
end

-- After a new epoch, which so many sessions entered. The next login looks at all of them, and forgets.
local function carry_tally(key, user, tally, open)
  if not tally then return end
  tally.open, tally.looked_at = open, 0
  if open == 0 then tally.exact_until = NO_TIMEOUT end
  store_tally(key, user, tally)
end

-- A session of this epoch has ended.
local function take_off_tally(key)
  local stored = redis.call('HGET', key, 'n')
  if not stored then return end
  local epoch, open = struct.unpack(OPEN_SESSIONS, stored)
  redis.call('HSET', key, 'n',
    struct.pack(OPEN_SESSIONS, epoch, math.max(0, open - 1)) .. string.sub(stored, OPEN_SESSIONS_END + 1))
end

local function end_session(key, id, session, reason, at)
  session.last_seen_at = math.max(at, session.created_at)
  session.ended = reason
  redis.call('HSET', key, id, pack_session(session))
  take_off_tally(key)
end

-- Writes a timeout down that was seen, and not yet written. Returns whether it did.
local function note_timeout(key, id, session, status, ended_at)
  if status ~= EXPIRED or session.ended ~= 0 then return false end
  end_session(key, id, session, TIMED_OUT, ended_at)
  return true
end

local function forget_session(key, id)
  redis.call('HDEL', key, id, id .. ':d', id .. ':p', id .. ':f', id .. ':g', id .. ':r')
end
