#!lua flags=allow-oom
-- A near cache gives back what it kept of a user, or of a named list, up to one of its fills; a later one stays.
-- When full: revocation: it makes a field shorter
-- KEYS[1] leased
-- ARGV[1] holder             5 bytes
-- ARGV[2] fill               the last that it gives back
-- Returns nothing
-- @include lease

local through, left = tonumber(ARGV[2]), {}
for _, lease in ipairs(read_leases(KEYS[1])) do
  if lease.holder == ARGV[1] and lease.from <= through then lease.from = through + 1 end
  if lease.from <= lease.to then left[#left + 1] = lease end
end
if left[1] then
  redis.call('HSET', KEYS[1], 'k', pack_leases(left))
else
  redis.call('HDEL', KEYS[1], 'k')
end
