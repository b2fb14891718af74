#!lua flags=allow-oom
-- Voids all one-time tokens of a subject and a purpose.
-- When full: revocation: it only takes away
-- KEYS[1] once
-- KEYS[2] user               absent: see epoch
-- ARGV[1] purpose
-- ARGV[2] epoch              of the subject, where a Cluster moves the slot and KEYS[2] cannot be had; 0: no user's record
-- Returns how many of them could still have been used
-- @include time
-- @include user-record
-- @include one-time-token

local now = now_ms()
local epoch = KEYS[2] and epoch_of(read_user(KEYS[2], now)) or tonumber(ARGV[2])
local revoked = 0
each_one_time(KEYS[1], function(id, token)
  if token.purpose == ARGV[1] then
    redis.call('HDEL', KEYS[1], id)
    if token.expires_at > now and token.epoch == epoch then revoked = revoked + 1 end
  end
end)
return revoked
