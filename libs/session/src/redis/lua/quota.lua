#!lua flags=allow-oom
-- One quota that is on no user's slot: by client IP, or by what the app says.
-- KEYS[1] quota
-- ARGV[1] operation          consume, peek, refund or reset
-- ARGV[2] quotaPolicy        'emissionUs burst'
-- ARGV[3] cost
-- Returns { allowed 1 or 0, remaining, wait in us, reset in us }; a consumption that is not allowed consumes nothing
-- @include gcra

local now = now_us()
local cost = tonumber(ARGV[3])
local operation = ARGV[1]
if operation == 'reset' then redis.call('DEL', KEYS[1]) end
local quota = read_quota(KEYS[1], ARGV[2], now)
local allowed = wait_us(quota, cost, now) == 0
if operation == 'refund' then consume(quota, -cost, now) end
if operation == 'consume' and allowed then consume(quota, cost, now) end
local remaining, wait, reset = describe_quota(quota, now)
return { allowed and 1 or 0, remaining, wait, reset }
