#!lua
-- Consumes one quota that is on no user's slot: by client IP, or by what the app says. Without allow-oom: anybody can cause
-- it, and it makes keys.
-- KEYS[1] quota
-- ARGV[1] emissionUs
-- ARGV[2] burst
-- ARGV[3] cost
-- ARGV[4] receipt            8 characters, by which it can be given back; empty: none
-- ARGV[5] receiptMs          for how long
-- Returns { allowed 1 or 0, remaining, wait in us, reset in us }; a consumption that is not allowed consumes nothing
-- @include gcra
-- @include quota-key

local now, emission, burst, cost = now_us(), tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local stored, receipts = read_quota(KEYS[1])
local allowed, tat = consume(stored, emission, burst, cost, now)
if allowed or tat < stored then
  if allowed and ARGV[4] ~= '' then receipts = add_receipt(receipts, ARGV[4], cost, tonumber(ARGV[5]), now) end
  write_quota(KEYS[1], tat, receipts, now)
end
return { allowed and 1 or 0, describe_quota(tat, emission, burst, cost, now) }
