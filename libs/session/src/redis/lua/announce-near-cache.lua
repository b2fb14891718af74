#!lua flags=allow-oom
-- How long the leases of near caches may last, so that whoever acts waits for them, whatever its own options are. A process
-- that is about to keep answers says so first.
-- When full: block: one key
-- KEYS[1] near
-- ARGV[1] leaseMs            0: it keeps none, and only asks
-- ARGV[2] forMs              for how long it is believed
-- Returns the longest lease that is announced now; 0: none
local own = tonumber(ARGV[1])
local longest = math.max(tonumber(redis.call('GET', KEYS[1]) or 0) or 0, own)
if own > 0 then redis.call('SET', KEYS[1], longest, 'PX', ARGV[2]) end
return longest
