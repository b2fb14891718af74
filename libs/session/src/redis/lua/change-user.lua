#!lua flags=allow-oom
-- Changes a user's record if it is of the version that the caller expects.
-- When full: block: of a user who is known
-- KEYS[1] user
-- ARGV[1] userId
-- ARGV[2] ifVersion          empty: whatever the version is
-- ARGV[3] roles              names parted by spaces; '~': leave them
-- ARGV[4] block              keep, clear or set
-- ARGV[5] blockReason
-- ARGV[6] blockUntil         empty: until lifted
-- ARGV[7] blockBy
-- ARGV[8] sourceVersion      empty: none
-- ARGV[9] isWhole            1: it says all that another database knows of the user, so the record is fresh again
-- ARGV[10] ipAllowlist      as include/ip.lua has it; '~': leave it; '-': none
-- ARGV[11] roleLifetimes
-- ARGV[12] channel
-- Returns { 'changed', now, user, sessions ended } | { 'version_conflict' or 'outdated', now, user }
--   | { 'user_unknown' } | { 'block_in_past' } | { 'user_mismatch' }
-- @include time
-- @include user-record
-- @include session-record
-- @include user-change
-- @include load
-- @include event

local now, if_version, source_version = now_ms(), ARGV[2], tonumber(ARGV[8])
local change = { block = ARGV[4], reason = ARGV[5], until_at = ARGV[6], by = ARGV[7], source_version = source_version,
  ip_allowlist = ip_allowlist_of(ARGV[10]) }
if ARGV[3] ~= '~' then change.roles = ARGV[3] end

local user = read_user(KEYS[1], now)
if not user then return { 'user_unknown' } end
if change.block == 'set' and until_of(change) <= now and not source_version and ARGV[9] ~= '1' then
  return { 'block_in_past' }
end
change = without_past_block(change, now)
if user.id ~= ARGV[1] then return { 'user_mismatch' } end
if if_version ~= '' and tonumber(if_version) ~= user.version then return { 'version_conflict', now, user.reply } end
if source_version then
  local source = compare_source(user, source_version)
  if source == 'outdated' then return { 'outdated', now, user.reply } end
  if source == 'equal' then change = only_tightening(user, change) end
end

local ended, tally = 0, nil
if change.block == 'set' and not user.blocked then
  ended, tally = count_live(KEYS[1], user, now, ARGV[11])
end
if source_version or ARGV[9] == '1' then
  local loaded_at = ARGV[9] == '1' and now or user.loaded_at or 0
  store_loaded(KEYS[1], loaded_at, source_version or user.source_version)
end
apply_change(KEYS[1], user, change, now)
store_next_version(KEYS[1], user)
carry_tally(KEYS[1], user, tally, 0)
end_load(KEYS[1])
local changed = read_user(KEYS[1], now)
announce_change(ARGV[12], KEYS[1], change, user.reply[4], changed)
return { 'changed', now, changed.reply, ended }
