#!lua flags=allow-oom
-- Says that a node with live connections is there, and forgets those that have been silent for too long.
-- KEYS[1] nodes
-- ARGV[1] nodeId
-- ARGV[2] forMs
-- Returns 1
-- @include time

local now = now_ms()
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', digits(now))
redis.call('ZADD', KEYS[1], digits(now + tonumber(ARGV[2])), ARGV[1])
return 1
