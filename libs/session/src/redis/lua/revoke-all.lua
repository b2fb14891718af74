#!lua flags=allow-oom
-- Starts a new epoch, which ends every session of the user's but one: the caller's, and only if the caller's session is
-- live and its token hash right.
-- When full: revocation: the record stays as large as it was, but for 30 bytes of a user's with many sessions
-- KEYS[1] user
-- ARGV[1] exceptSessionId    empty: end them all
-- ARGV[2] exceptTokenHash
-- ARGV[3] roleLifetimes
-- ARGV[4] channel
-- Returns { 'revoked', version, epoch, sessions } | { 'user_unknown' } | { 'refused' }
-- @include time
-- @include user-record
-- @include session-record
-- @include family
-- @include user-change
-- @include event

local now = now_ms()
local user = read_user(KEYS[1], now)
if not user then return { 'user_unknown' } end
local live, tally = count_live(KEYS[1], user, now, ARGV[3])
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
carry_tally(KEYS[1], user, tally, except and 1 or 0)
announce(ARGV[4], 'sessions.revoked_all', KEYS[1], user, except and ARGV[1])
return { 'revoked', user.version, user.epoch, live }
