#!lua flags=allow-oom
-- A user's record.
-- When full: read: it writes nothing
-- KEYS[1] user
-- ARGV[1] maxStateAgeMs      empty: whatever its age
-- Returns {} when there is none, or it is too old | { now, user }
-- @include time
-- @include user-record

local now = now_ms()
local user = read_user(KEYS[1], now, tonumber(ARGV[1]))
if not user then return {} end
return { now, user.reply }
