#!lua
-- Takes a one-time token out, once, if it has not expired and its subject is still at the epoch that it was issued at.
-- Before the token hash is found right, it tells and changes nothing. Without allow-oom: what a token is used for will
-- want to write as well, and must not fail with the token gone.
-- KEYS[1] user
-- KEYS[2] once
-- ARGV[1] tokenId
-- ARGV[2] tokenHash          covers the purpose
-- ARGV[3] revokeAll          1: start a new epoch, which ends every session of the subject's
-- ARGV[4] channel
-- Returns { 'consumed', subject, data, epoch } (epoch 0: there is no user record) | { 'unknown' }
-- @include time
-- @include user-record
-- @include user-change
-- @include one-time-token
-- @include event

local now = now_ms()
local record = redis.call('HGET', KEYS[2], ARGV[1])
if not record then return { 'unknown' } end
local token = unpack_one_time(record)
if token.hash ~= ARGV[2] then return { 'unknown' } end

redis.call('HDEL', KEYS[2], ARGV[1])
local subject = redis.call('HGET', KEYS[2], 'subject')
local user = read_user(KEYS[1], now)
if user and user.id ~= subject then return { 'unknown' } end
if token.expires_at <= now or token.epoch ~= epoch_of(user) then return { 'unknown' } end

if user and ARGV[3] == '1' then
  start_epoch(user, now)
  store_next_version(KEYS[1], user)
  announce(ARGV[4], 'sessions.revoked_all', KEYS[1], user)
end
return { 'consumed', subject, token.data, epoch_of(user) }
