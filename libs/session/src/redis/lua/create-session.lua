#!lua
-- Makes a session at the epoch that was read before the credentials were verified, within the cap. Without allow-oom:
-- a full Redis takes no logins. The data of sessions that are no longer live is swept.
-- KEYS[1] user
-- KEYS[2] data               may be absent: see include/session-data.lua
-- ARGV[1] userId
-- ARGV[2] sessionId
-- ARGV[3] tokenHash
-- ARGV[4] device
-- ARGV[5] inactivityTimeoutMs
-- ARGV[6] absoluteTimeoutMs
-- ARGV[7] traits             assurance, + 128 for remember-me, + 64 with refresh tokens
-- ARGV[8] ifEpoch            empty: whatever the epoch is
-- ARGV[9] newEpoch           the epoch of a user's record made here; empty: make none
-- ARGV[10] maxSessions
-- ARGV[11] onSessionLimit    evict-oldest or reject
-- ARGV[12] rememberEndedMs
-- ARGV[13] maxEndedSessions
-- ARGV[14] maxStateAgeMs
-- ARGV[15] roleLifetimes
-- ARGV[16] data               empty: none
-- ARGV[17] familyHash        empty: no refresh tokens
-- ARGV[18] refreshHash
-- ARGV[19] accessTokenTtlMs
-- ARGV[20] isGuest           1: with the session goes all that is kept of its user; only the user's record tells of it
-- ARGV[21] channel
-- Returns { 'created', now, record, user, evicted IDs } | { 'user_blocked', now, user }
--   | { 'user_unknown' } | { 'epoch_changed' } | { 'session_limit_reached' } | { 'user_mismatch' }
-- @include time
-- @include user-record
-- @include session-record
-- @include sweep
-- @include family
-- @include session-data
-- @include user-quota
-- @include room
-- @include user-change
-- @include event

local user_id, id, now = ARGV[1], ARGV[2], now_ms()
local user = read_user(KEYS[1], now, tonumber(ARGV[14]))
if not user then
  if ARGV[9] == '' or redis.call('HEXISTS', KEYS[1], 'u') == 1 then return { 'user_unknown' } end
  make_user(KEYS[1], user_id, {}, now, ARGV[9])
  if ARGV[20] == '1' then
    store_loaded(KEYS[1], NEVER_TOO_OLD)
    redis.call('PEXPIREAT', KEYS[1], digits(now + ARGV[6]))
  end
  user = read_user(KEYS[1], now)
end
if user.id ~= user_id then return { 'user_mismatch' } end
if user.blocked then return { 'user_blocked', now, user.reply } end
if ARGV[8] ~= '' and tonumber(ARGV[8]) ~= user.epoch then return { 'epoch_changed' } end

local at = { now = now, remember_ended_ms = tonumber(ARGV[12]), role_lifetimes = ARGV[15] }
local limit = { max = tonumber(ARGV[10]), rejects = ARGV[11] == 'reject', max_ended = tonumber(ARGV[13]) }
local was_tallied = redis.call('HEXISTS', KEYS[1], 'n') == 1
local evicted, tally = nil, nil
if was_tallied then evicted, tally = make_room_by_tally(KEYS, user, at, limit) end
if not evicted then evicted, tally = make_room(KEYS, user, at, limit) end
if evicted == FULL then return { 'session_limit_reached' } end

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
if tally then
  tally.open, tally.exact_until = tally.open + 1, math.min(tally.exact_until, (expires_at(session, user, ARGV[15])))
  store_tally(KEYS[1], user, tally)
elseif was_tallied then
  redis.call('HDEL', KEYS[1], 'n', 'o')
end
if ARGV[16] ~= '' then write_data(KEYS[2], id, now, ARGV[16], now + session.absolute_ms) end
for _, evicted_id in ipairs(evicted) do
  announce(ARGV[21], 'session.revoked', KEYS[1], user, evicted_id)
end
if ARGV[20] ~= '1' then announce(ARGV[21], 'session.created', KEYS[1], user, id) end
return { 'created', now, record, user.reply, evicted }
