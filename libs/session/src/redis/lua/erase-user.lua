#!lua flags=allow-oom
-- Forgets a user: state, sessions, and the load that may be under way. What is kept beside goes by erase-key.
-- When full: revocation: it only takes away
-- KEYS[1] user
-- ARGV[1] roleLifetimes
-- ARGV[2] channel
-- Returns how many live sessions that ended
-- @include time
-- @include user-record
-- @include session-record
-- @include event

local now = now_ms()
local user = read_user(KEYS[1], now)
local live = user and count_live(KEYS[1], user, now, ARGV[1]) or 0
redis.call('UNLINK', KEYS[1])
if user then announce(ARGV[2], 'user.erased', KEYS[1], user) end
return live
