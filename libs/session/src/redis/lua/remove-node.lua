#!lua flags=allow-oom
-- Says that a node has no live connections any more.
-- When full: block: it only takes away
-- KEYS[1] nodes
-- ARGV[1] nodeId
-- Returns 1, or 0 when the node was not there
return redis.call('ZREM', KEYS[1], ARGV[1])
