#!lua flags=allow-oom
-- A page of the audit log, newest first, of both streams in their one order.
-- When full: read: it moves entries and makes none
-- KEYS[1] acts
-- KEYS[2] denials
-- KEYS[3] pending
-- KEYS[4] lastId
-- ARGV[1] limit
-- ARGV[2] before             an entry's ID; empty: begin with the newest
-- ARGV[3] userId             empty: everybody
-- ARGV[4] scan               how many entries to look at
-- ARGV[5] retentionMs
-- ARGV[6] maxDenials
-- ARGV[7] abandonedAfterMs
-- Returns { stream entries, the ID to go on before, or empty at the end }
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

local log = { acts = KEYS[1], denials = KEYS[2], pending = KEYS[3], last = KEYS[4], now = now_ms(),
  retention_ms = tonumber(ARGV[5]), max_denials = tonumber(ARGV[6]), abandoned_after_ms = tonumber(ARGV[7]) }
tidy(log)
local limit, user_id, scan = tonumber(ARGV[1]), ARGV[3], tonumber(ARGV[4])
local newest = ARGV[2] == '' and '+' or '(' .. ARGV[2]
local acts = redis.call('XREVRANGE', log.acts, newest, '-', 'COUNT', scan + 1)
local denials = redis.call('XREVRANGE', log.denials, newest, '-', 'COUNT', scan + 1)
local found, next_id, act, denial = {}, '', 1, 1
for _ = 1, scan do
  local entry = acts[act]
  if entry and not (denials[denial] and is_newer(denials[denial][1], entry[1])) then
    act = act + 1
  else
    entry = denials[denial]
    denial = denial + 1
  end
  if not entry then break end
  next_id = entry[1]
  if user_id == '' or concerns(entry[2], user_id) then found[#found + 1] = entry end
  if #found == limit then break end
end
if not acts[act] and not denials[denial] then next_id = '' end
return { found, next_id }
