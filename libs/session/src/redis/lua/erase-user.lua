#!lua flags=allow-oom
-- Forgets a user: state, sessions, and the load that may be under way. What is kept beside goes by erase-key.
-- When full: revocation: it only takes away
-- KEYS[1] user
-- ARGV[1] roleLifetimes
-- ARGV[2] madeBefore         in Redis's time: only a record that was made before; empty: whenever it was made
-- ARGV[3] channel
-- Returns { how many live sessions that ended, the time, 1 when it was done, else 0 }
-- @include time
-- @include user-record
-- @include session-record
-- @include event

local now = now_ms()
local user = read_user(KEYS[1], now)
-- A record's version begins with the time at which it was made.
if ARGV[2] ~= '' and not (user and user.version < tonumber(ARGV[2])) then return { 0, now, 0 } end
local live = user and count_live(KEYS[1], user, now, ARGV[1]) or 0
redis.call('UNLINK', KEYS[1])
if user then announce(ARGV[3], 'user.erased', KEYS[1], user) end
return { live, now, 1 }
