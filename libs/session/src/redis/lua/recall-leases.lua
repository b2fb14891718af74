#!lua flags=allow-oom
-- Asks the near caches that may answer for a user to give back their leases, and tells which have not. Whoever acts on a
-- user asks until it is none.
-- When full: block: it makes a field shorter
-- KEYS[1] user
-- ARGV[1] channel
-- Returns { now, version (0: there is no record), leases, INFO server, INFO replication }
-- @include time
-- @include user-record
-- @include lease

local now = now_ms()
local standing = redis.call('HGET', KEYS[1], 'u')
local leases = unexpired(read_leases(KEYS[1]), now)
if leases[1] then
  local holders = {}
  for i, lease in ipairs(leases) do
    holders[i] = string.gsub(lease.holder, '.', function(byte) return string.format('%02x', string.byte(byte)) end)
  end
  local line = { 'leases.recalled', string.match(KEYS[1], '{(.-)}'), table.concat(holders, ',') }
  redis.pcall('PUBLISH', ARGV[1], table.concat(line, ' '))
elseif standing then
  redis.call('HDEL', KEYS[1], 'k')
end
return { now, standing and struct.unpack(STANDING, standing) or 0, pack_leases(leases), redis.call('INFO', 'server'),
  redis.call('INFO', 'replication') }
