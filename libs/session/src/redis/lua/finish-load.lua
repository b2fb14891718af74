#!lua flags=allow-oom
-- Stores what the app's database said of a user, unless something newer came between the question and the answer.
-- When full: check: it stores what begin-load or begin-reload was let to ask for
-- KEYS[1] user
-- ARGV[1] nonce
-- ARGV[2] userId
-- ARGV[3] roles              names parted by spaces
-- ARGV[4] block              keep or set
-- ARGV[5] blockReason
-- ARGV[6] blockUntil         empty: until lifted
-- ARGV[7] blockBy
-- ARGV[8] sourceVersion      empty: none
-- ARGV[9] ipAllowlist        as include/ip.lua has it; '~': leave it; '-': none
-- ARGV[10] newEpoch          the epoch of a record made here
-- ARGV[11] channel
-- Returns { 'stored' } | { 'void' } when the nonce is gone | { 'user_mismatch' }
-- @include time
-- @include user-record
-- @include user-change
-- @include load
-- @include event

local now, source_version = now_ms(), tonumber(ARGV[8])
if standing_load(KEYS[1], now) ~= ARGV[1] then return { 'void' } end
local change = { roles = ARGV[3], block = ARGV[4], reason = ARGV[5], until_at = ARGV[6], by = ARGV[7],
  source_version = source_version, ip_allowlist = ip_allowlist_of(ARGV[9]) }
change = without_past_block(change, now)

local user = read_user(KEYS[1], now)
if not user then
  store_loaded(KEYS[1], now, source_version)
  make_user(KEYS[1], ARGV[2], change, now, ARGV[10])
  end_load(KEYS[1]) -- last: a hash that is empty for a moment is another server's while its slot moves
  return { 'stored' }
end
end_load(KEYS[1])
if user.id ~= ARGV[2] then return { 'user_mismatch' } end
local source = source_version and compare_source(user, source_version) or 'equal'
if source == 'outdated' then
  store_loaded(KEYS[1], now, user.source_version)
  return { 'stored' }
end
-- A loaded user who is not blocked lifts a block only by a newer version of the app's.
if source == 'newer' and change.block == 'keep' then change.block = 'clear' end
if source == 'equal' then change = only_tightening(user, change) end
local is_change = alters(user, change)
store_loaded(KEYS[1], now, source_version or user.source_version)
apply_change(KEYS[1], user, change, now)
if is_change then
  store_next_version(KEYS[1], user)
  announce_change(ARGV[11], KEYS[1], change, user.reply[4], read_user(KEYS[1], now))
end
return { 'stored' }
