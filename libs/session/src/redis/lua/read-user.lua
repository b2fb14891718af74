#!lua flags=allow-oom
-- A user's record.
-- When full: read: it writes nothing
-- KEYS[1] user
-- ARGV[1] maxStateAgeMs      empty: whatever its age
-- Returns { 'found', now, user } | { 'unknown' } when there is none, or it is too old
-- @include time
-- @include user-record

local now = now_ms()
local user = read_user(KEYS[1], now, tonumber(ARGV[1]))
if not user then return { 'unknown' } end
return { 'found', now, user.reply }
