#!lua flags=allow-oom
-- Says that a node with live connections is there, and forgets those that have been silent for too long.
-- When full: block: a node that must hear of it
-- KEYS[1] nodes
-- KEYS[2] missed
-- ARGV[1] nodeId
-- ARGV[2] forMs
-- Returns 1 when acts may have passed the node by: it was not known to be there, or has missed one; else 0
-- @include time

local now = now_ms()
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', digits(now))
redis.call('ZREMRANGEBYSCORE', KEYS[2], '-inf', digits(now))
local is_new = redis.call('ZADD', KEYS[1], digits(now + tonumber(ARGV[2])), ARGV[1])
local has_missed = redis.call('ZREM', KEYS[2], ARGV[1])
return math.max(is_new, has_missed)
