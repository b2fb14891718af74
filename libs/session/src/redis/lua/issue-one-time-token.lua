#!lua
-- Keeps a one-time token, bound to the epoch of its subject; forgets those that have expired or are too many. Without
-- allow-oom: a full Redis takes none.
-- KEYS[1] once
-- KEYS[2] user               absent: see epoch
-- ARGV[1] subject
-- ARGV[2] tokenId
-- ARGV[3] tokenHash
-- ARGV[4] purpose
-- ARGV[5] ttlMs
-- ARGV[6] data
-- ARGV[7] replaceOlder       1: every older one of this purpose is void
-- ARGV[8] ifEpoch            empty: whatever the epoch is, or none
-- ARGV[9] maxPerPurpose
-- ARGV[10] maxPerSubject
-- ARGV[11] epoch             of the subject, where a Cluster moves the slot and KEYS[2] cannot be had; 0: no user's record
-- Returns { 'issued', expiresAt } | { 'epoch_changed' } | { 'user_mismatch' }
-- @include time
-- @include user-record
-- @include one-time-token

local now = now_ms()
local subject, purpose = ARGV[1], ARGV[4]
local user = KEYS[2] and read_user(KEYS[2], now)
local known = redis.call('HGET', KEYS[1], 'subject')
if (user and user.id ~= subject) or (known and known ~= subject) then return { 'user_mismatch' } end
local epoch = KEYS[2] and epoch_of(user) or tonumber(ARGV[11])
if ARGV[8] ~= '' and tonumber(ARGV[8]) ~= epoch then return { 'epoch_changed' } end

local tokens = {}
local last_expiry = now + tonumber(ARGV[5])
each_one_time(KEYS[1], function(id, token)
  if token.expires_at <= now then
    redis.call('HDEL', KEYS[1], id)
  else
    token.id = id
    tokens[#tokens + 1] = token
    last_expiry = math.max(last_expiry, token.expires_at)
  end
end)

table.sort(tokens, function(a, b)
  return a.issued_at > b.issued_at or (a.issued_at == b.issued_at and a.id > b.id)
end)
local same_room = ARGV[7] == '1' and 0 or tonumber(ARGV[9]) - 1
local room = tonumber(ARGV[10]) - 1
for _, token in ipairs(tokens) do
  local is_same = token.purpose == purpose
  if room == 0 or (is_same and same_room == 0) then
    redis.call('HDEL', KEYS[1], token.id)
  else
    room = room - 1
    if is_same then same_room = same_room - 1 end
  end
end

local time = redis.call('TIME')
local expires_at = now + tonumber(ARGV[5])
local record = struct.pack(ONE_TIME, ARGV[3], epoch, expires_at, time[1] * 1000000 + time[2], #purpose, purpose)
redis.call('HSET', KEYS[1], 'subject', subject, ARGV[2], record .. ARGV[6])
redis.call('PEXPIREAT', KEYS[1], digits(last_expiry))
return { 'issued', expires_at }
