#!lua
-- Takes a one-time token out, once, if it has not expired and its subject is still at the epoch that it was issued at.
-- Before the token hash is found right, it tells and changes nothing. Without allow-oom: what a token is used for will
-- want to write as well, and must not fail with the token gone.
-- KEYS[1] once
-- KEYS[2] user               absent while a Cluster moves the slot: settle-one-time-token does the rest
-- ARGV[1] tokenId
-- ARGV[2] tokenHash          covers the purpose
-- ARGV[3] revokeAll          1: start a new epoch, which ends every session of the subject's
-- ARGV[4] channel
-- Returns { 'consumed', subject, data, epoch, version } (both 0: there is no user record) | { 'unknown' }
--   | { 'proven', subject, data, epoch }: it was good if that is still the epoch; without KEYS[2]
-- @include time
-- @include user-record
-- @include user-change
-- @include event
-- @include one-time-token

local now = now_ms()
local record = redis.call('HGET', KEYS[1], ARGV[1])
if not record then return { 'unknown' } end
local token = unpack_one_time(record)
if token.hash ~= ARGV[2] then return { 'unknown' } end

redis.call('HDEL', KEYS[1], ARGV[1])
local subject = redis.call('HGET', KEYS[1], 'subject')
if token.expires_at <= now then return { 'unknown' } end
if not KEYS[2] then return { 'proven', subject, token.data, token.epoch } end
local bound = { subject = subject, epoch = token.epoch, revoke_all = ARGV[3], channel = ARGV[4] }
local epoch, version = settle_one_time(KEYS[2], now, bound)
if not epoch then return { 'unknown' } end
return { 'consumed', subject, token.data, epoch, version }
