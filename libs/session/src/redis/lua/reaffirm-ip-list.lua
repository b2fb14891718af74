#!lua flags=allow-oom
-- Writes a named list's version again as it is, if the list holds an act: a WAIT behind this waits for the act, too.
-- When full: revocation: a list stays as large as it is
-- KEYS[1] ipList
-- ARGV[1] version            the act's
-- Returns 1 | 0 when the list does not hold the act
local version = redis.call('HGET', KEYS[1], 'version')
if not version or tonumber(version) < tonumber(ARGV[1]) then return 0 end
redis.call('HSET', KEYS[1], 'version', version)
return 1
