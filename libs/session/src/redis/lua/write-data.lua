#!lua
-- Writes the data of a live session, for the client that shows its token hash, if it is of the version that the client
-- expects. Without allow-oom: a full Redis takes no data.
-- KEYS[1] user
-- KEYS[2] data
-- ARGV[1] sessionId
-- ARGV[2] tokenHash
-- ARGV[3] ifVersion          0: there is none yet
-- ARGV[4] payload
-- ARGV[5] isSameContent      1: only sealed anew, so the version stays
-- ARGV[6] roleLifetimes
-- Returns { 'written', version } | { 'version_conflict', version, payload } | { 'refused' }
-- @include time
-- @include user-record
-- @include session-record
-- @include family
-- @include session-data

local id, now = ARGV[1], now_ms()
local session = proven_session(KEYS[1], { id = id, hash = ARGV[2], now = now, role_lifetimes = ARGV[6] })
if not session then return { 'refused' } end
local version, payload = read_data(KEYS[2], id)
if tonumber(ARGV[3]) ~= version then return { 'version_conflict', version, payload } end
if ARGV[5] ~= '1' then version = math.max(version + 1, now) end
write_data(KEYS[2], id, version, ARGV[4], session.authenticated_at + session.absolute_ms)
return { 'written', version }
