#!lua flags=allow-oom
-- Forgets what a login would forget: sessions that ended too long ago to be remembered, or too many of them, their data,
-- and quotas that are full again or of sessions that have ended.
-- When full: revocation: it only takes away
-- KEYS[1] user
-- KEYS[2] data               may be absent: see include/session-data.lua
-- ARGV[1] rememberEndedMs
-- ARGV[2] maxEndedSessions
-- ARGV[3] roleLifetimes
-- Returns how many sessions were forgotten
-- @include time
-- @include user-record
-- @include session-record
-- @include sweep
-- @include session-data
-- @include user-quota

local now = now_ms()
local user = read_user(KEYS[1], now)
if not user then return 0 end
local fields = redis.call('HGETALL', KEYS[1])
local at = { now = now, remember_ended_ms = tonumber(ARGV[1]), role_lifetimes = ARGV[3] }
local live, ended, forgotten = part_sessions(KEYS[1], fields, user, at)
local too_many = math.max(0, #ended - tonumber(ARGV[2]))
take_oldest(ended, too_many, function(entry) forget_session(KEYS[1], entry.id) end)
redis.call('HDEL', KEYS[1], 'n') -- the next login counts
sweep_data(KEYS[2], live)
sweep_quotas(KEYS[1], fields, live, now * 1000)
return forgotten + too_many
