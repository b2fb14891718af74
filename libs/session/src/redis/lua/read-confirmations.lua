#!lua flags=allow-oom
-- The nodes that hold live connections, those of them whose word holds for some time yet, because they were heard of only
-- just now, and those that have carried out an act.
-- When full: read: it only takes away
-- KEYS[1] nodes
-- KEYS[2] confirmations
-- ARGV[1] forMs
-- Returns { IDs of nodes, IDs of nodes, { node ID, connections closed, ... } }
-- @include time

local now = now_ms()
return {
  redis.call('ZRANGEBYSCORE', KEYS[1], '(' .. digits(now), '+inf'),
  redis.call('ZRANGEBYSCORE', KEYS[1], '(' .. digits(now + tonumber(ARGV[1])), '+inf'),
  redis.call('HGETALL', KEYS[2]),
}
