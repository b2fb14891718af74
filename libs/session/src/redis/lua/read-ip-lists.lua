#!lua flags=allow-oom
-- What has become of named lists of IP ranges since the versions that a node has.
-- When full: check: one field for leases
-- KEYS[1..] ipLists
-- ARGV[1] lease              of a near cache that may keep the answer (include/lease.lua); empty: nobody keeps it
-- ARGV[2..] versions         one for each list; empty: none
-- Returns for each list 0 there is none | 1 it is of that version | { version, ranges }; then 1 when all that are there are leased
-- @include time
-- @include lease

local reply, leased = {}, ARGV[1] ~= ''
for i, key in ipairs(KEYS) do
  local version = redis.call('HGET', key, 'version')
  if not version then
    reply[i] = 0
  elseif version == ARGV[i + 1] then
    reply[i] = 1
  else
    reply[i] = { version, redis.call('HGET', key, 'ranges') or '?' }
  end
  if version and leased then leased = grant_lease(key, ARGV[1], now_ms(), math.huge) end
end
reply[#KEYS + 1] = leased and 1 or 0
return reply
