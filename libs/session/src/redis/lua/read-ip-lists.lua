#!lua flags=allow-oom
-- What has become of named lists of IP ranges since the versions that a node has.
-- When full: read: it writes nothing
-- KEYS[1..] ipLists
-- ARGV[1..] versions         one for each list; empty: none
-- Returns for each list 0 there is none | 1 it is of that version | { version, ranges }
local reply = {}
for i, key in ipairs(KEYS) do
  local version = redis.call('HGET', key, 'version')
  if not version then
    reply[i] = 0
  elseif version == ARGV[i] then
    reply[i] = 1
  else
    reply[i] = { version, redis.call('HGET', key, 'ranges') or '?' }
  end
end
return reply
