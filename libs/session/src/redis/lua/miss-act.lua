#!lua flags=allow-oom
-- Says that a node did not confirm an act in time. It is told when it next says that it is there.
-- When full: block: a node that did not hear of it
-- KEYS[1] missed
-- ARGV[1] nodeId
-- ARGV[2] forMs
-- Returns 1
-- @include time

redis.call('ZADD', KEYS[1], digits(now_ms() + tonumber(ARGV[2])), ARGV[1])
return 1
