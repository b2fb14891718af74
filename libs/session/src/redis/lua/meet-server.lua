#!lua flags=allow-oom
-- Notes that a server is there, another process or another primary than before. What it knows may be older than what was
-- known: these fields go back with it, and so never name it by themselves.
-- When full: check: one field for each server, of which there are few
-- KEYS[1] servers
-- ARGV[1] identity
-- Returns { now, since when it has been there, 1 when there was another before }
-- @include time

local MOST = 1000
local now = now_ms()
local known = redis.pcall('HGET', KEYS[1], ARGV[1])
if type(known) == 'table' then -- something that is not ours must not keep everybody out
  redis.call('DEL', KEYS[1])
  known = false
end
local others = redis.call('HKEYS', KEYS[1])
if not known then
  if #others >= MOST then redis.call('DEL', KEYS[1]) end
  redis.call('HSET', KEYS[1], ARGV[1], digits(now))
end
return { now, tonumber(known) or now, #others > (known and 1 or 0) and 1 or 0 }
