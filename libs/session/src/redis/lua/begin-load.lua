#!lua
-- Announces that the app's database is being asked about a user of whom there is no record. Without allow-oom: a full
-- Redis takes no new users.
-- KEYS[1] load
-- ARGV[1] nonce
-- ARGV[2] forMs
-- Returns the nonce that stands
-- @include load

return begin_load(KEYS[1], ARGV[1], ARGV[2])
