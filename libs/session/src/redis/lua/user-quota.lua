#!lua flags=allow-oom
-- One quota of a user or of one of the user's sessions, outside of a check. Of a user of whom nothing else is known, it
-- stays no longer than it counts.
-- KEYS[1] user
-- ARGV[1] field              as include/user-quota.lua has it
-- ARGV[2] operation          consume, peek, refund or reset
-- ARGV[3] emissionUs
-- ARGV[4] burst
-- ARGV[5] cost
-- Returns { allowed 1 or 0, remaining, wait in us, reset in us }; a consumption that is not allowed consumes nothing
-- @include gcra
-- @include user-quota

local now, emission, burst = now_us(), tonumber(ARGV[3]), tonumber(ARGV[4])
local stored = redis.call('HMGET', KEYS[1], ARGV[1], 'u')
local allowed, tat = operate(ARGV[2], tat_of(stored[1]), emission, burst, tonumber(ARGV[5]), now)
local remaining, wait, reset = describe_quota(tat, emission, burst, now)
if ARGV[2] ~= 'peek' and reset > 0 then
  redis.call('HSET', KEYS[1], ARGV[1], struct.pack(TAT, tat))
  local for_ms = math.ceil(reset / 1000)
  if not stored[2] and redis.call('PTTL', KEYS[1]) < for_ms then redis.call('PEXPIRE', KEYS[1], for_ms) end
elseif ARGV[2] ~= 'peek' then
  redis.call('HDEL', KEYS[1], ARGV[1])
end
return { allowed and 1 or 0, remaining, wait, reset }
