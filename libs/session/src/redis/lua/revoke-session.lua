#!lua flags=allow-oom
-- Ends one session, forgets its data and remembers that it was ended. One that has timed out is ended, too: it must stay so.
-- When full: revocation: the record stays as large as it was
-- KEYS[1] user
-- KEYS[2] data               may be absent: see include/session-data.lua
-- ARGV[1] sessionId
-- ARGV[2] reason             a code of END_REASONS in model/session.ts
-- ARGV[3] rememberEndedMs
-- ARGV[4] roleLifetimes
-- ARGV[5] channel
-- Returns 1 when it was live, else 0
-- @include time
-- @include user-record
-- @include session-record
-- @include session-data
-- @include event

local now = now_ms()
local user = read_user(KEYS[1], now)
local record = redis.call('HGET', KEYS[1], ARGV[1])
if not user or not record then return 0 end
local session = unpack_session(record)
local status, ended_at = status_of(session, user, now, tonumber(ARGV[3]), ARGV[4])
forget_data(KEYS[2], ARGV[1])
note_timeout(KEYS[1], ARGV[1], session, status, ended_at)
if status ~= LIVE then return 0 end
end_session(KEYS[1], ARGV[1], session, tonumber(ARGV[2]), now)
announce(ARGV[5], 'session.revoked', KEYS[1], user, ARGV[1])
return 1
