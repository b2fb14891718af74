#!lua flags=allow-oom
-- Puts a named list of IP ranges in the place of what is there. Versions go on from the time, so that a list which was
-- lost and made again is of none that a node may have a copy of.
-- When full: revocation: whom a list shuts out is shut out at once
-- KEYS[1] ipList
-- ARGV[1] name
-- ARGV[2] ranges             parted by spaces
-- ARGV[3] ifVersion          empty: whatever the version is; absent: only where there is no list
-- ARGV[4] channel
-- Returns the new version | 0 when it was of another than ifVersion
-- @include time

local version = redis.call('HGET', KEYS[1], 'version')
if ARGV[3] ~= '' and ARGV[3] ~= (version or 'absent') then return 0 end
local time = redis.call('TIME')
local new_version = math.max(time[1] * 1000000 + time[2], (tonumber(version or nil) or 0) + 1)
-- A list that was lost is made again without the leases that it had (include/lease.lua).
local born = redis.call('HGET', KEYS[1], 'born') or digits(time[1] * 1000)
redis.call('HSET', KEYS[1], 'version', digits(new_version), 'ranges', ARGV[2], 'born', born)
redis.pcall('PUBLISH', ARGV[4], 'ip_list.changed ' .. ARGV[1] .. ' ' .. digits(new_version))
return new_version
