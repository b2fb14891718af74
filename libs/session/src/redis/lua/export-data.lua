#!lua flags=allow-oom
-- The data of all sessions of a user, for the user to see.
-- When full: read: it writes nothing
-- KEYS[1] data
-- Returns session IDs with the version and the payload of each in turns
return redis.call('HGETALL', KEYS[1])
