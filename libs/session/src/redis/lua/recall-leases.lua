#!lua flags=allow-oom
-- Asks the near caches that may answer for a user, or by a named list, to give back their leases, and tells which have not.
-- Whoever acts asks until it is none.
-- When full: block: it makes a field shorter
-- KEYS[1] leased
-- ARGV[1] subject            a userRef, or list: and a name
-- ARGV[2] channel
-- Returns { now, when the record was made, or later (0: there is none), leases, INFO server, INFO replication }
-- @include time
-- @include user-record
-- @include lease

local now = now_ms()
local standing = redis.call('HGET', KEYS[1], 'u')
-- A user's version begins with the time at which the record was made.
local made_at = standing and struct.unpack(STANDING, standing) or tonumber(redis.call('HGET', KEYS[1], 'born') or 0)
local leases = unexpired(read_leases(KEYS[1]), now)
if leases[1] then
  local holders = {}
  for i, lease in ipairs(leases) do
    holders[i] = string.gsub(lease.holder, '.', function(byte) return string.format('%02x', string.byte(byte)) end)
  end
  redis.pcall('PUBLISH', ARGV[2], 'recall ' .. ARGV[1] .. ' ' .. table.concat(holders, ','))
else
  redis.call('HDEL', KEYS[1], 'k')
end
return { now, made_at or 0, pack_leases(leases), redis.call('INFO', 'server'), redis.call('INFO', 'replication') }
