#!lua
-- Writes an audit entry. Without allow-oom: denials, which anybody can cause, do not make a full Redis fuller.
-- KEYS[1] acts
-- KEYS[2] routine
-- KEYS[3] denials
-- KEYS[4] pending
-- KEYS[5] lastId
-- KEYS[6] dropped
-- ARGV[1] outcome            ok and unknown are acts
-- ARGV[2] action
-- ARGV[3] actor
-- ARGV[4] target
-- ARGV[5] ip
-- ARGV[6] details            JSON
-- ARGV[7] routine            1 of an everyday act, else empty
-- ARGV[8] retentionMs
-- ARGV[9] maxActs
-- ARGV[10] maxRoutine
-- ARGV[11] maxDenials
-- ARGV[12] abandonedAfterMs
-- Returns the entry's ID
-- @include time
-- @include audit

local log = { acts = KEYS[1], routine = KEYS[2], denials = KEYS[3], pending = KEYS[4], last = KEYS[5], dropped = KEYS[6],
  now = now_ms(), retention_ms = tonumber(ARGV[8]), max_acts = ARGV[9], max_routine = ARGV[10],
  max_denials = ARGV[11], abandoned_after_ms = tonumber(ARGV[12]) }
recover_abandoned(log)
local fields = { 'action', ARGV[2], 'actor', ARGV[3], 'target', ARGV[4], 'ip', ARGV[5], 'details', ARGV[6] }
if ARGV[7] ~= '' then fields[11], fields[12] = 'routine', ARGV[7] end
local id = add_entry(log, ARGV[1], fields)
trim(log)
return id
