#!lua flags=allow-oom
-- A page of the audit log, newest first, of all streams in their one order.
-- When full: read: it moves entries and makes none
-- KEYS[1] acts
-- KEYS[2] routine
-- KEYS[3] denials
-- KEYS[4] pending
-- KEYS[5] lastId
-- KEYS[6] dropped
-- ARGV[1] limit
-- ARGV[2] before             an entry's ID; empty: begin with the newest
-- ARGV[3] userId             empty: everybody
-- ARGV[4] scan               how many entries to look at
-- ARGV[5] retentionMs
-- ARGV[6] maxActs
-- ARGV[7] maxRoutine
-- ARGV[8] maxDenials
-- ARGV[9] abandonedAfterMs
-- Returns { stream entries, the ID to go on before, or empty at the end, name and instant of each stream that lost entries }
-- @include time
-- @include audit

local function is_newer(a, b)
  local a_ms, a_sequence = string.match(a, '(%d+)-(%d+)')
  local b_ms, b_sequence = string.match(b, '(%d+)-(%d+)')
  if a_ms ~= b_ms then return tonumber(a_ms) > tonumber(b_ms) end
  return tonumber(a_sequence) > tonumber(b_sequence)
end

local function concerns(fields, user_id)
  for i = 1, #fields, 2 do
    if (fields[i] == 'actor' or fields[i] == 'target') and fields[i + 1] == user_id then return true end
  end
  return false
end

local log = { acts = KEYS[1], routine = KEYS[2], denials = KEYS[3], pending = KEYS[4], last = KEYS[5], dropped = KEYS[6],
  now = now_ms(), retention_ms = tonumber(ARGV[5]), max_acts = ARGV[6], max_routine = ARGV[7],
  max_denials = ARGV[8], abandoned_after_ms = tonumber(ARGV[9]) }
tidy(log)
local limit, user_id, scan = tonumber(ARGV[1]), ARGV[3], tonumber(ARGV[4])
local newest = ARGV[2] == '' and '+' or '(' .. ARGV[2]
local streams, at = {}, { 1, 1, 1 }
for i, stream in ipairs({ log.acts, log.routine, log.denials }) do
  streams[i] = redis.call('XREVRANGE', stream, newest, '-', 'COUNT', scan + 1)
end
local found, next_id = {}, ''
local function newest_stream()
  local newest_at
  for i, entries in ipairs(streams) do
    local entry = entries[at[i]]
    if entry and not (newest_at and is_newer(streams[newest_at][at[newest_at]][1], entry[1])) then newest_at = i end
  end
  return newest_at
end
for _ = 1, scan do
  local i = newest_stream()
  if not i then break end
  local entry = streams[i][at[i]]
  at[i] = at[i] + 1
  next_id = entry[1]
  if user_id == '' or concerns(entry[2], user_id) then found[#found + 1] = entry end
  if #found == limit then break end
end
if not newest_stream() then next_id = '' end
local dropped, oldest = {}, log.now - log.retention_ms
local noted = redis.call('HGETALL', log.dropped)
for i = 1, #noted, 2 do
  if tonumber(noted[i + 1]) > oldest then dropped[#dropped + 1], dropped[#dropped + 2] = noted[i], noted[i + 1] end
end
return { found, next_id, dropped }
