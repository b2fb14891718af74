#!lua flags=allow-oom
-- All that is kept of a user, for the user to see. Of one-time tokens neither a hash nor the data leaves Redis.
-- When full: read: it writes nothing
-- KEYS[1] user
-- KEYS[2] data
-- KEYS[3] once
-- Returns { 'found', now, user, fields, payloads, tokens } | { 'unknown', now, fields, tokens } when there is no user's record
--   tokens: of each its purpose, and when it was issued and ends
-- @include time
-- @include user-record
-- @include one-time-token

local now, tokens = now_ms(), {}
each_one_time(KEYS[3], function(_, token)
  for _, value in ipairs({ token.purpose, math.floor(token.issued_at / 1000), token.expires_at }) do
    tokens[#tokens + 1] = value
  end
end)
local user, fields = read_user(KEYS[1], now), redis.call('HGETALL', KEYS[1])
if not user then return { 'unknown', now, fields, tokens } end
return { 'found', now, user.reply, fields, redis.call('HGETALL', KEYS[2]), tokens }
