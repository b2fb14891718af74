#!lua flags=allow-oom
-- Whether a one-time token that was taken out is good: its subject is still at the epoch that it was issued at. For when a
-- Cluster moves the slot, and the token's hash cannot be had in the same call.
-- When full: revocation: the record stays as large as it was, and the token is used up already
-- KEYS[1] user
-- ARGV[1] subject
-- ARGV[2] epoch              0: there was no user record
-- ARGV[3] revokeAll          1: start a new epoch, which ends every session of the subject's
-- ARGV[4] channel
-- Returns { 'settled', epoch, version } | { 'unknown' }
-- @include time
-- @include user-record
-- @include user-change
-- @include event
-- @include one-time-token

local bound = { subject = ARGV[1], epoch = tonumber(ARGV[2]), revoke_all = ARGV[3], channel = ARGV[4] }
local epoch, version = settle_one_time(KEYS[1], now_ms(), bound)
if not epoch then return { 'unknown' } end
return { 'settled', epoch, version }
