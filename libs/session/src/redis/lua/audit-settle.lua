#!lua flags=allow-oom
-- Turns an announced act into an audit entry, once; what is settled or abandoned already stays as it is.
-- When full: block: it moves an entry that was let in before
-- KEYS[1] acts
-- KEYS[2] routine
-- KEYS[3] denials
-- KEYS[4] pending
-- KEYS[5] lastId
-- KEYS[6] dropped
-- ARGV[1] pendingId
-- ARGV[2] outcome            ok and unknown are acts
-- ARGV[3] actor              empty: the one that it was announced with
-- ARGV[4] details            JSON
-- ARGV[5] retentionMs
-- ARGV[6] maxActs
-- ARGV[7] maxRoutine
-- ARGV[8] maxDenials
-- ARGV[9] abandonedAfterMs
-- Returns 1 when it was settled by this call, else 0
-- @include time
-- @include audit

local log = { acts = KEYS[1], routine = KEYS[2], denials = KEYS[3], pending = KEYS[4], last = KEYS[5], dropped = KEYS[6],
  now = now_ms(), retention_ms = tonumber(ARGV[5]), max_acts = ARGV[6], max_routine = ARGV[7],
  max_denials = ARGV[8], abandoned_after_ms = tonumber(ARGV[9]) }
tidy(log)
local entry = redis.call('XRANGE', log.pending, ARGV[1], ARGV[1])[1]
if not entry then return 0 end
redis.call('XDEL', log.pending, ARGV[1])
local fields = entry[2]
for i = 1, #fields, 2 do
  if fields[i] == 'details' then fields[i + 1] = ARGV[4] end
  if fields[i] == 'actor' and ARGV[3] ~= '' then fields[i + 1] = ARGV[3] end
end
add_entry(log, ARGV[2], fields)
trim(log)
return 1
