#!lua flags=allow-oom
-- As audit-begin, in a full Redis and for an act of somebody known: blocks must work then, and have their entries.
-- When full: block: an act of somebody known, of which there is a bounded number
-- KEYS[1] pending
-- KEYS[2] whenFull           how many acts were announced so within the hour
-- ARGV[1] action
-- ARGV[2] actor
-- ARGV[3] target
-- ARGV[4] ip
-- ARGV[5] details            JSON
-- ARGV[6] routine            1 of an everyday act, else empty
-- ARGV[7] most               acts in an hour
-- Returns a name for the act
local begun = tonumber(redis.call('GET', KEYS[2]) or 0)
if begun >= tonumber(ARGV[7]) then return redis.error_reply('OOM too many acts while Redis is full') end
if begun == 0 then
  redis.call('SET', KEYS[2], 1, 'PX', 3600000)
else
  redis.call('SET', KEYS[2], begun + 1, 'KEEPTTL')
end
local fields = { 'action', ARGV[1], 'actor', ARGV[2], 'target', ARGV[3], 'ip', ARGV[4], 'details', ARGV[5] }
if ARGV[6] ~= '' then fields[11], fields[12] = 'routine', ARGV[6] end
return redis.call('XADD', KEYS[1], '*', unpack(fields))
