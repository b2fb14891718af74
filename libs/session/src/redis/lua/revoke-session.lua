#!lua flags=allow-oom
-- Ends one live session and remembers that it was ended.
-- KEYS[1] user
-- KEYS[2] sessions
-- ARGV[1] sessionId
-- ARGV[2] reason             a number from session-record.ts
-- ARGV[3] roleLifetimes
-- Returns 1 when it was live, else 0
-- @include time
-- @include user-record
-- @include session-record

local now = now_ms()
local user = read_user(KEYS[1], now)
local record = redis.call('HGET', KEYS[2], ARGV[1])
if not user or not record then return 0 end
local session = unpack_session(record)
if status_of(session, user, now, 0, ARGV[3]) ~= LIVE then return 0 end
end_session(KEYS[2], ARGV[1], session, tonumber(ARGV[2]), now)
return 1
