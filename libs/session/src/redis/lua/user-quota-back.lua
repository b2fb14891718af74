#!lua flags=allow-oom
-- Looks at a quota of a user or of one of the user's sessions, or gives back of it.
-- When full: refund: it makes no key and no field
-- KEYS[1] user
-- ARGV[1] field              as include/user-quota.lua has it
-- ARGV[2] operation          peek, refund or reset
-- ARGV[3] emissionUs
-- ARGV[4] burst
-- ARGV[5] cost
-- Returns { allowed 1 or 0, remaining, wait in us, reset in us }
-- @include gcra
-- @include user-quota

local now, emission, burst = now_us(), tonumber(ARGV[3]), tonumber(ARGV[4])
local stored = redis.call('HGET', KEYS[1], ARGV[1])
local allowed, tat = loosen(ARGV[2], tat_of(stored), emission, burst, tonumber(ARGV[5]), now)
local remaining, wait, reset = describe_quota(tat, emission, burst, 1, now)
if ARGV[2] ~= 'peek' and stored and reset > 0 then
  redis.call('HSET', KEYS[1], ARGV[1], struct.pack(TAT, tat))
elseif ARGV[2] ~= 'peek' then
  redis.call('HDEL', KEYS[1], ARGV[1])
end
return { allowed and 1 or 0, remaining, wait, reset }
