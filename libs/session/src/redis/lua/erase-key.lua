#!lua flags=allow-oom
-- Forgets what is kept beside a user's hash: the data of the sessions, or the one-time tokens.
-- When full: revocation: it only takes away
-- KEYS[1] data               or once
-- Returns 1 when there was any, else 0
return redis.call('UNLINK', KEYS[1])
