#!lua flags=allow-oom
-- Looks at a quota that is on no user's slot, or gives back of it.
-- When full: refund: it makes no key, and none larger
-- KEYS[1] quota
-- ARGV[1] operation          peek, refund or reset
-- ARGV[2] emissionUs
-- ARGV[3] burst
-- ARGV[4] cost
-- ARGV[5] receipt            of a refund: what was consumed by this name, and nothing if nothing was; empty: `cost`
-- Returns { allowed 1 or 0, remaining, wait in us, reset in us }; with a receipt, 1 when there was one
-- @include gcra
-- @include quota-key

local operation, now, emission, burst = ARGV[1], now_us(), tonumber(ARGV[2]), tonumber(ARGV[3])
local cost, stored, receipts = tonumber(ARGV[4]), 0, ''
if operation ~= 'reset' then stored, receipts = read_quota(KEYS[1]) end
local taken
if ARGV[5] ~= '' then
  taken, receipts = take_receipt(receipts, ARGV[5])
  cost = taken or 0
end
local allowed, tat = loosen(operation, stored, emission, burst, cost, now)
if ARGV[5] ~= '' then allowed = taken ~= nil end
if operation ~= 'peek' then write_quota(KEYS[1], tat, receipts, now) end
return { allowed and 1 or 0, describe_quota(tat, emission, burst, 1, now) }
