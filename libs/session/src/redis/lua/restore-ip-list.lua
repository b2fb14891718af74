#!lua flags=allow-oom
-- Gives a named list of IP ranges what a node has set it to, where the list is older or gone, as after a restart from an
-- old snapshot.
-- When full: revocation: whom a list shuts out stays shut out
-- KEYS[1] ipList
-- ARGV[1] name
-- ARGV[2] version
-- ARGV[3] ranges             parted by spaces
-- ARGV[4] channel
-- Returns 1 when the list was older, else 0
-- @include time

local version = redis.call('HGET', KEYS[1], 'version')
if (tonumber(version or nil) or 0) >= tonumber(ARGV[2]) then return 0 end
-- The leases of what was lost are not known here (include/lease.lua).
redis.call('HSET', KEYS[1], 'version', ARGV[2], 'ranges', ARGV[3], 'born', digits(now_ms()))
redis.pcall('PUBLISH', ARGV[4], 'ip_list.changed ' .. ARGV[1] .. ' ' .. ARGV[2])
return 1
