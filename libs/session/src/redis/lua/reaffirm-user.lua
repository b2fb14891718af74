#!lua flags=allow-oom
-- Writes a user's record again as it is, if it holds an act: a WAIT behind this waits for the act, too.
-- When full: block: a record stays as large as it is
-- KEYS[1] user
-- ARGV[1] version            the act's
-- ARGV[2] epoch              the act's
-- ARGV[3] endedSession       the ID of a session that the act ended; empty: none
-- Returns 1 | 0 when the record does not hold the act, as that of a server which never heard of it
-- @include session-record

local standing = redis.call('HGET', KEYS[1], 'u')
if not standing then return ARGV[3] == '' and 0 or 1 end -- without a record there is no session
local version, epoch = struct.unpack('>I6I5', standing)
if version < tonumber(ARGV[1]) or epoch < tonumber(ARGV[2]) then return 0 end
if ARGV[3] ~= '' then
  local record = redis.call('HGET', KEYS[1], ARGV[3])
  if record and unpack_session(record).ended == 0 then return 0 end
end
redis.call('HSET', KEYS[1], 'u', standing)
return 1
