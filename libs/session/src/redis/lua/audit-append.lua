#!lua
-- Writes an audit entry. Without allow-oom: denials, which anybody can cause, do not make a full Redis fuller.
-- KEYS[1] acts
-- KEYS[2] denials
-- KEYS[3] pending
-- KEYS[4] lastId
-- ARGV[1] outcome            ok and unknown are acts
-- ARGV[2] action
-- ARGV[3] actor
-- ARGV[4] target
-- ARGV[5] ip
-- ARGV[6] details            JSON
-- ARGV[7] retentionMs
-- ARGV[8] maxDenials
-- ARGV[9] abandonedAfterMs
-- Returns the entry's ID
-- @include time
-- @include audit

local log = { acts = KEYS[1], denials = KEYS[2], pending = KEYS[3], last = KEYS[4], now = now_ms(),
  retention_ms = tonumber(ARGV[7]), max_denials = tonumber(ARGV[8]), abandoned_after_ms = tonumber(ARGV[9]) }
recover_abandoned(log)
local id = add_entry(log, ARGV[1],
  { 'action', ARGV[2], 'actor', ARGV[3], 'target', ARGV[4], 'ip', ARGV[5], 'details', ARGV[6] })
trim(log)
return id
