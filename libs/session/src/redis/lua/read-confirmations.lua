#!lua flags=allow-oom
-- The nodes that hold live connections, and those that have carried out an act.
-- KEYS[1] nodes
-- KEYS[2] confirmations
-- Returns { IDs of nodes, { node ID, connections closed, ... } }
-- @include time

return { redis.call('ZRANGEBYSCORE', KEYS[1], '(' .. digits(now_ms()), '+inf'), redis.call('HGETALL', KEYS[2]) }
