#!lua flags=allow-oom
-- Announces that the app's database is being asked about a user. Allowed when Redis is full: the key is small and short-lived.
-- KEYS[1] load
-- ARGV[1] nonce
-- ARGV[2] forMs
-- Returns 1
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return 1
