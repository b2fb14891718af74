#!lua flags=allow-oom
-- Everything that the list of a user's sessions is made of.
-- When full: read: it writes nothing
-- KEYS[1] user
-- Returns { 'found', now, user, all fields and values } | { 'unknown' } when there is no such user
-- @include time
-- @include user-record

local now = now_ms()
local user = read_user(KEYS[1], now)
if not user then return { 'unknown' } end
return { 'found', now, user.reply, redis.call('HGETALL', KEYS[1]) }
