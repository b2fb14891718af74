#!lua flags=allow-oom
-- What is kept of a user in the user's own hash, for the user to see. The rest: export-data, export-one-time-tokens.
-- When full: read: it writes nothing
-- KEYS[1] user
-- Returns { 'found', now, user, fields } | { 'unknown', now, fields } when there is no user's record
-- @include time
-- @include user-record

local now = now_ms()
local user, fields = read_user(KEYS[1], now), redis.call('HGETALL', KEYS[1])
if not user then return { 'unknown', now, fields } end
return { 'found', now, user.reply, fields }
