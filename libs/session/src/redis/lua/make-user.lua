#!lua
-- Makes the record of a user who has none. Without allow-oom: a full Redis takes no new users.
-- KEYS[1] user
-- ARGV[1] userId
-- ARGV[2] roles              names parted by spaces
-- ARGV[3] block              keep or set
-- ARGV[4] blockReason
-- ARGV[5] blockUntil         empty: until lifted
-- ARGV[6] blockBy
-- ARGV[7] sourceVersion      empty: none
-- ARGV[8] ipAllowlist       as include/ip.lua has it; '~' or '-': none
-- ARGV[9] newEpoch
-- ARGV[10] isTimed           1: note how old the record is: one that gets too old must be loaded again
-- Returns { 'changed', now, user, 0 } | { 'version_conflict', now, user } when there is one
-- @include time
-- @include user-record
-- @include user-change
-- @include load

local now = now_ms()
local user = read_user(KEYS[1], now)
if user then return { 'version_conflict', now, user.reply } end
local change = { roles = ARGV[2], block = ARGV[3], reason = ARGV[4], until_at = ARGV[5], by = ARGV[6],
  source_version = tonumber(ARGV[7]), ip_allowlist = ip_allowlist_of(ARGV[8]) }
change = without_past_block(change, now)
if ARGV[10] == '1' or change.source_version then
  store_loaded(KEYS[1], ARGV[10] == '1' and now or 0, change.source_version)
end
make_user(KEYS[1], ARGV[1], change, now, ARGV[9])
end_load(KEYS[1])
return { 'changed', now, read_user(KEYS[1], now).reply, 0 }
