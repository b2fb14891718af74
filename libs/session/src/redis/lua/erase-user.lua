#!lua flags=allow-oom
-- Forgets a user: state, sessions, and the load that may be under way. What is kept beside goes by erase-key.
-- When full: revocation: it only takes away
-- KEYS[1] user
-- ARGV[1] roleLifetimes
-- ARGV[2] madeBefore         only a record of a version below; empty: whichever
-- ARGV[3] channel
-- Returns { how many live sessions that ended, madeBefore of who was erased, 1: done, 2: there was no record, 0: not done }
-- @include time
-- @include user-record
-- @include session-record
-- @include event

local now = now_ms()
local user = read_user(KEYS[1], now)
if ARGV[2] ~= '' and not user then return { 0, now, 2 } end
if ARGV[2] ~= '' and user.version >= tonumber(ARGV[2]) then return { 0, now, 0 } end
local live = user and count_live(KEYS[1], user, now, ARGV[1]) or 0
redis.call('UNLINK', KEYS[1])
if user then announce(ARGV[3], 'user.erased', KEYS[1], user) end
-- Versions begin with the time at which a record is made, so those of one that is made later are higher.
return { live, user and user.version + 1 or now, 1 }
