#!lua flags=allow-oom
-- Says that a node has carried out an act, and how many connections it closed.
-- When full: block: what the nodes did about it, for 10 seconds
-- KEYS[1] confirmations
-- ARGV[1] nodeId
-- ARGV[2] connectionsClosed
-- ARGV[3] forMs
-- Returns 1
redis.call('HINCRBY', KEYS[1], ARGV[1], ARGV[2])
redis.call('PEXPIRE', KEYS[1], ARGV[3])
return 1
