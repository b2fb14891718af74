#!lua flags=allow-oom
-- Everything that the list of a user's sessions is made of.
-- When full: read: it writes nothing
-- KEYS[1] user
-- Returns {} when there is no such user | { now, user, all fields and values }
-- @include time
-- @include user-record

local now = now_ms()
local user = read_user(KEYS[1], now)
if not user then return {} end
return { now, user.reply, redis.call('HGETALL', KEYS[1]) }
