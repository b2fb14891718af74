#!lua
-- The data of one session, of which the caller has proved that it may: for when a Cluster moves the slot, and the user's
-- hash cannot be had in the same call. Without allow-oom: a full Redis takes no data.
-- KEYS[1] data
-- ARGV[1] operation          read, write, forget, or keep: until then at least
-- ARGV[2] sessionId
-- ARGV[3] ifVersion          of a write; 0: there is none yet; empty: whatever the version is
-- ARGV[4] payload
-- ARGV[5] isSameContent      1: only sealed anew, so the version stays
-- ARGV[6] keepUntil          of a write or keep; empty: for keepForMs
-- ARGV[7] keepForMs
-- ARGV[8] beginsAt           of a write: the version of the first data; empty: the time
-- Returns { 'found', version, payload }: what there was before, or is | { 'written', version }
--   | { 'version_conflict', version, payload }
-- @include time
-- @include session-data

local id, now = ARGV[2], now_ms()
local version, payload = read_data(KEYS[1], id)
if ARGV[1] == 'forget' then forget_data(KEYS[1], id) end
if ARGV[1] == 'keep' then keep_until(KEYS[1], tonumber(ARGV[6])) end
if ARGV[1] ~= 'write' then return { 'found', version, payload } end
if ARGV[3] ~= '' and tonumber(ARGV[3]) ~= version then return { 'version_conflict', version, payload } end
if ARGV[5] ~= '1' then version = math.max(version + 1, tonumber(ARGV[8]) or now) end
write_data(KEYS[1], id, version, ARGV[4], tonumber(ARGV[6]) or now + tonumber(ARGV[7]))
return { 'written', version }
