#!lua
-- Writes the data of a live session, for the client that shows its token hash, if it is of the version that the client
-- expects; or ends the session, whose data is the client's then. Without allow-oom: a full Redis takes no data.
-- KEYS[1] user
-- KEYS[2] data               absent: the proof and the end alone, while a Cluster moves the slot
-- ARGV[1] sessionId
-- ARGV[2] tokenHash
-- ARGV[3] ifVersion          0: there is none yet
-- ARGV[4] payload
-- ARGV[5] isSameContent      1: only sealed anew, so the version stays
-- ARGV[6] roleLifetimes
-- ARGV[7] endReason          a code of END_REASONS in model/session.ts: the session ends; empty: it goes on
-- ARGV[8] channel
-- Returns { 'written', version } | { 'proven', until when its data is to be kept } | { 'version_conflict', version, payload } | { 'refused' }
-- @include time
-- @include user-record
-- @include session-record
-- @include family
-- @include session-data

local id, now = ARGV[1], now_ms()
local session, user = proven_session(KEYS[1], { id = id, hash = ARGV[2], now = now, role_lifetimes = ARGV[6] })
if not session then return { 'refused' } end
local keep_until_at = session.authenticated_at + session.absolute_ms
local version, payload = tonumber(ARGV[3]), ''
if KEYS[2] then version, payload = read_data(KEYS[2], id) end
if tonumber(ARGV[3]) ~= version then return { 'version_conflict', version, payload } end
if ARGV[7] ~= '' then
  -- @include event
  forget_data(KEYS[2], id)
  end_session(KEYS[1], id, session, tonumber(ARGV[7]), now)
  announce(ARGV[8], 'session.revoked', KEYS[1], user, id)
  return { 'written', version }
end
if not KEYS[2] then return { 'proven', keep_until_at } end
if ARGV[5] ~= '1' then version = math.max(version + 1, now) end
write_data(KEYS[2], id, version, ARGV[4], keep_until_at)
return { 'written', version }
