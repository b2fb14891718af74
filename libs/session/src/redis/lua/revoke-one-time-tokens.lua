#!lua flags=allow-oom
-- Voids all one-time tokens of a subject and a purpose.
-- When full: revocation: it only takes away
-- KEYS[1] user
-- KEYS[2] once
-- ARGV[1] purpose
-- Returns how many of them could still have been used
-- @include time
-- @include user-record
-- @include one-time-token

local now = now_ms()
local epoch = epoch_of(read_user(KEYS[1], now))
local revoked = 0
each_one_time(KEYS[2], function(id, token)
  if token.purpose == ARGV[1] then
    redis.call('HDEL', KEYS[2], id)
    if token.expires_at > now and token.epoch == epoch then revoked = revoked + 1 end
  end
end)
return revoked
