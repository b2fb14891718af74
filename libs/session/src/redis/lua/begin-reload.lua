#!lua flags=allow-oom
-- Announces that the app's database is being asked again about a user of whom there is a record.
-- When full: check: of a user who is known, for 30 seconds
-- KEYS[1] user
-- ARGV[1] nonce
-- ARGV[2] forMs
-- Returns the nonce that stands, or an empty one where there is no record
-- @include time
-- @include load

if redis.call('HEXISTS', KEYS[1], 'u') == 0 then return '' end
return begin_load(KEYS[1], ARGV[1], tonumber(ARGV[2]), now_ms())
