#!lua flags=allow-oom
-- The data of a live session, for the client that shows its token hash.
-- When full: read: it writes down a timeout at most
-- KEYS[1] user
-- KEYS[2] data               absent: the proof alone, while a Cluster moves the slot
-- ARGV[1] sessionId
-- ARGV[2] tokenHash
-- ARGV[3] roleLifetimes
-- Returns { 'found', version, payload } | { 'proven' } without the data's key | { 'refused' } when the session may not act
-- @include time
-- @include user-record
-- @include session-record
-- @include family
-- @include session-data

local now = now_ms()
if not proven_session(KEYS[1], { id = ARGV[1], hash = ARGV[2], now = now, role_lifetimes = ARGV[3] }) then
  return { 'refused' }
end
if not KEYS[2] then return { 'proven' } end
local version, payload = read_data(KEYS[2], ARGV[1])
return { 'found', version, payload }
