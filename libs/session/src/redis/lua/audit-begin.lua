#!lua
-- Announces an act before it is done, so that it cannot be done without an entry. Without allow-oom: anybody can cause it.
-- KEYS[1] pending
-- ARGV[1] action
-- ARGV[2] actor
-- ARGV[3] target
-- ARGV[4] ip
-- ARGV[5] details            JSON
-- ARGV[6] routine            1 of an everyday act, else empty
-- Returns a name for the act
local fields = { 'action', ARGV[1], 'actor', ARGV[2], 'target', ARGV[3], 'ip', ARGV[4], 'details', ARGV[5] }
if ARGV[6] ~= '' then fields[11], fields[12] = 'routine', ARGV[6] end
return redis.call('XADD', KEYS[1], '*', unpack(fields))
