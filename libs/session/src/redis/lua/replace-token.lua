#!lua
-- Gives a live session a new token hash, if the caller shows the old one, and a new family of refresh tokens, or none. The
-- old token and the old family are known as revoked for a while.
-- KEYS[1] user
-- KEYS[2] data               may be absent: see include/session-data.lua
-- ARGV[1] sessionId
-- ARGV[2] tokenHash
-- ARGV[3] newTokenHash
-- ARGV[4] ifEpoch            empty: whatever the epoch is
-- ARGV[5] reauthenticated    1: both timeouts start again
-- ARGV[6] assurance          1-3, or 0 to leave it
-- ARGV[7] revokeOthers       1: start a new epoch that only this session enters
-- ARGV[8] roleLifetimes
-- ARGV[9] familyHash        empty: no refresh tokens
-- ARGV[10] refreshHash
-- ARGV[11] accessTokenTtlMs
-- ARGV[12] channel
-- Returns { 'replaced', now, record, device, user, sessions revoked } | { 'refused' }
-- @include time
-- @include user-record
-- @include session-record
-- @include family
-- @include session-data
-- @include user-change
-- @include event

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
  local live, tally = count_live(KEYS[1], user, now, ARGV[8])
  revoked = live - 1
  start_epoch(user, now)
  store_next_version(KEYS[1], user)
  carry_tally(KEYS[1], user, tally, 1)
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
