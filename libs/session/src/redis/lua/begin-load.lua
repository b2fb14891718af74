#!lua
-- Announces that the app's database is being asked about a user of whom there is no record. Without allow-oom: a full
-- Redis takes no new users.
-- KEYS[1] user
-- ARGV[1] nonce
-- ARGV[2] forMs
-- Returns the nonce that stands
-- @include time
-- @include load

local for_ms = tonumber(ARGV[2])
local standing = begin_load(KEYS[1], ARGV[1], for_ms, now_ms())
if redis.call('HEXISTS', KEYS[1], 'u') == 0 and redis.call('PTTL', KEYS[1]) < for_ms then
  redis.call('PEXPIRE', KEYS[1], for_ms)
end
return standing
