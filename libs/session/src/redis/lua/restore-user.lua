#!lua flags=allow-oom
-- Gives a user's record what a node knows of it, where the record is older, as after a restart from an old snapshot. A block
-- is also given to a user of whom there is no record.
-- When full: block: of a user who is known, or was
-- KEYS[1] user
-- ARGV[1] userId
-- ARGV[2] version
-- ARGV[3] epoch
-- ARGV[4] roles              names parted by spaces; '~': not known, as of an act that ended sessions alone
-- ARGV[5] block              keep, clear or set
-- ARGV[6] blockReason
-- ARGV[7] blockUntil         empty: until lifted
-- ARGV[8] blockBy
-- ARGV[9] ipAllowlist        as include/ip.lua has it; '~': not known; '-': none
-- ARGV[10] sourceVersion     empty: none
-- ARGV[11] newEpoch          the epoch of a record made here
-- ARGV[12] isTimed           1: a record made here has to be loaded at once
-- ARGV[13] channel
-- Returns 1 when the record was older, else 0
-- @include time
-- @include user-record
-- @include user-change
-- @include event

local now, version, epoch, source_version = now_ms(), tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[10])
local change = { block = ARGV[5], reason = ARGV[6], until_at = ARGV[7], by = ARGV[8],
  ip_allowlist = ip_allowlist_of(ARGV[9]) }
if ARGV[4] ~= '~' then change.roles = ARGV[4] end
change = without_past_block(change, now)
local user = read_user(KEYS[1], now)
if not user then
  if change.block ~= 'set' then return 0 end
  if ARGV[12] == '1' then store_loaded(KEYS[1], 0, source_version) end
  make_user(KEYS[1], ARGV[1], change, now, ARGV[11])
  -- Of the act's version: what another node did after it is newer.
  local made = read_user(KEYS[1], now)
  made.version = version - 1
  store_next_version(KEYS[1], made)
  return 1
end
if user.id ~= ARGV[1] or user.version >= version then return 0 end
local had_block = user.reply[4]
-- Or what the app's database said before would count as newer, and lift the block.
if source_version and source_version > (user.source_version or -1) then
  store_loaded(KEYS[1], user.loaded_at or 0, source_version)
end
apply_change(KEYS[1], user, change, now)
if user.epoch < epoch then user.epoch, user.epoch_at = epoch, now end
-- An end of sessions says nothing of what came before it: if that is lost as well, another node gives it, by its own version.
local is_told = ARGV[4] ~= '~' or user.version == version - 1
user.version = (is_told and version or user.version) - 1
store_next_version(KEYS[1], user)
announce_change(ARGV[13], KEYS[1], change, had_block, read_user(KEYS[1], now))
return 1
