#!lua
-- Consumes one quota of a user or of one of the user's sessions, outside of a check. Of a user of whom nothing else is
-- known, it stays no longer than it counts. Without allow-oom: only a check may count in a full Redis.
-- KEYS[1] user
-- ARGV[1] field              as include/user-quota.lua has it
-- ARGV[2] emissionUs
-- ARGV[3] burst
-- ARGV[4] cost
-- Returns { allowed 1 or 0, remaining, wait in us, reset in us }; a consumption that is not allowed consumes nothing
-- @include gcra
-- @include user-quota

local now, emission, burst, cost = now_us(), tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
local stored = redis.call('HMGET', KEYS[1], ARGV[1], 'u')
local before = tat_of(stored[1])
local allowed, tat = consume(before, emission, burst, cost, now)
local remaining, wait, reset = describe_quota(tat, emission, burst, cost, now)
if allowed or tat < before then
  redis.call('HSET', KEYS[1], ARGV[1], struct.pack(TAT, tat))
  local for_ms = math.ceil(reset / 1000)
  if not stored[2] and redis.call('PTTL', KEYS[1]) < for_ms then redis.call('PEXPIRE', KEYS[1], for_ms) end
end
return { allowed and 1 or 0, remaining, wait, reset }
