#!lua flags=allow-oom
-- Turns an announced act into an audit entry, once; what is settled or abandoned already stays as it is.
-- When full: block: it moves an entry that was let in before
-- KEYS[1] acts
-- KEYS[2] denials
-- KEYS[3] pending
-- KEYS[4] lastId
-- ARGV[1] pendingId
-- ARGV[2] outcome            ok and unknown are acts
-- ARGV[3] actor              empty: the one that it was announced with
-- ARGV[4] details            JSON
-- ARGV[5] retentionMs
-- ARGV[6] maxDenials
-- ARGV[7] abandonedAfterMs
-- Returns 1 when it was settled by this call, else 0
-- @include time
-- @include audit

local log = { acts = KEYS[1], denials = KEYS[2], pending = KEYS[3], last = KEYS[4], now = now_ms(),
  retention_ms = tonumber(ARGV[5]), max_denials = tonumber(ARGV[6]), abandoned_after_ms = tonumber(ARGV[7]) }
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
