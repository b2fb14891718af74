#!lua flags=allow-oom
-- One quota that is on no user's slot: by client IP, or by what the app says.
-- KEYS[1] quota
-- ARGV[1] operation          consume, peek, refund or reset
-- ARGV[2] emissionUs
-- ARGV[3] burst
-- ARGV[4] cost
-- Returns { allowed 1 or 0, remaining, wait in us, reset in us }; a consumption that is not allowed consumes nothing
-- @include gcra

local now, emission, burst = now_us(), tonumber(ARGV[2]), tonumber(ARGV[3])
local stored = tonumber(redis.call('GET', KEYS[1]) or 0)
local allowed, tat = operate(ARGV[1], stored, emission, burst, tonumber(ARGV[4]), now)
local remaining, wait, reset = describe_quota(tat, emission, burst, now)
if ARGV[1] ~= 'peek' and reset > 0 then
  redis.call('SET', KEYS[1], string.format('%.0f', tat), 'PX', math.ceil(reset / 1000))
elseif ARGV[1] ~= 'peek' then
  redis.call('DEL', KEYS[1])
end
return { allowed and 1 or 0, remaining, wait, reset }
