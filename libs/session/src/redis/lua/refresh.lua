#!lua flags=allow-oom
-- Answers a refresh token: gives its session the offered successors, or tells the salt of those that it has got already.
-- One that was used before, and is not the last one within its grace, ends the session. Before the family's hash is found
-- right, it tells, touches and changes nothing.
-- When full: check: of a right refresh token; it makes no key, and adds some 110 bytes to a session, once
-- KEYS[1] user
-- KEYS[2] data               may be absent: see include/session-data.lua
-- ARGV[1] sessionId
-- ARGV[2] familyHash         32 bytes
-- ARGV[3] refreshHash        32 bytes
-- ARGV[4] salt               16 bytes: what the successors on offer were made with
-- ARGV[5] newRefreshHash
-- ARGV[6] newTokenHash
-- ARGV[7] accessTokenTtlMs
-- ARGV[8] graceMs
-- ARGV[9] userAgent          of whoever presents it; empty: not known
-- ARGV[10] ip                likewise
-- ARGV[11] rememberEndedMs
-- ARGV[12] maxStateAgeMs     empty: the record is the truth, whatever its age
-- ARGV[13] roleLifetimes
-- ARGV[14] channel
-- Returns { 'refreshed', now, record, device, user, salt, rotatedAt, access token's end } | { 'unknown' }
--   | { 'load', userId } | { 'user_blocked', now, user } | { 'revoked' } | { 'expired' }
--   | { 'reused', now, record, device, user }: the session as it was
-- @include time
-- @include user-record
-- @include session-record
-- @include family
-- @include session-data
-- @include event

-- For the line of an event: all but letters, digits and dots as %XX, and nothing as '-'.
local function escaped(text)
  if text == '' then return '-' end
  return (string.gsub(text, '[^%w%.]', function(c) return string.format('%%%02X', string.byte(c)) end))
end

local id, now, remember_ended_ms = ARGV[1], now_ms(), tonumber(ARGV[11])
local stored = redis.call('HMGET', KEYS[1], id, id .. ':d', id .. ':f')
local record, device, family = stored[1], stored[2], stored[3]
if not record then return { 'unknown' } end
local is_current_family = family and string.sub(family, 1, 32) == ARGV[2]
if not is_current_family then
  local last = redis.call('HGET', KEYS[1], id .. ':r')
  if not last then return { 'unknown' } end
  local hash, at = struct.unpack(LAST_FAMILY, last)
  if hash ~= ARGV[2] or now - at > remember_ended_ms then return { 'unknown' } end
end

local user = read_user(KEYS[1], now, tonumber(ARGV[12]))
if not user then
  if ARGV[12] == '' then return { 'unknown' } end
  return { 'load', redis.call('HGET', KEYS[1], 'id') }
end
local session = unpack_session(record)
local status, ended_at = status_of(session, user, now, remember_ended_ms, ARGV[13])
if status == UNKNOWN then return { 'unknown' } end
if note_timeout(KEYS[1], id, session, status, ended_at) then forget_data(KEYS[2], id) end
if user.blocked then return { 'user_blocked', now, user.reply } end
if status == REVOKED or not is_current_family then return { 'revoked' } end
if status == EXPIRED then return { 'expired' } end

local user_agent, ip, name_from = struct.unpack(DEVICE, device)
local devices = { escaped(ip), escaped(user_agent), escaped(ARGV[10]), escaped(ARGV[9]) }
local rotation = read_rotation(KEYS[1], id, now)
local is_current = string.sub(family, 33) == ARGV[3]
if not is_current and rotation.previous ~= ARGV[3] then
  end_session(KEYS[1], id, session, REFRESH_REUSED, now)
  forget_data(KEYS[2], id)
  announce(ARGV[14], 'refresh.reused', KEYS[1], user, id, devices)
  return { 'reused', now, record, device, user.reply }
end

local new_user_agent, new_ip = ARGV[9] == '' and user_agent or ARGV[9], ARGV[10] == '' and ip or ARGV[10]
local is_other_device = new_user_agent ~= user_agent or new_ip ~= ip
if is_current then
  local grace_ms = tonumber(ARGV[8])
  local good_until = math.min(now + grace_ms, rotation.access_end)
  redis.call('HSET', KEYS[1], id .. ':p', struct.pack(PREVIOUS_TOKEN, session.hash, now, good_until))
  session.hash = ARGV[6]
  session = not_ahead(session, now)
  session.last_seen_at = now
  record = pack_session(session)
  rotation = { access_end = access_end_of(session, user, now, tonumber(ARGV[7]), ARGV[13]), at = now, salt = ARGV[4] }
  device = struct.pack(DEVICE, #new_user_agent, new_user_agent, #new_ip, new_ip) .. string.sub(device, name_from)
  redis.call('HSET', KEYS[1], id, record, id .. ':d', device, id .. ':f', ARGV[2] .. ARGV[5],
    id .. ':g', struct.pack(ROTATION, rotation.access_end, now, grace_ms, ARGV[3], ARGV[4]))
  announce(ARGV[14], 'session.refreshed', KEYS[1], user, id)
end
if is_other_device then announce(ARGV[14], 'refresh.device_changed', KEYS[1], user, id, devices) end
return { 'refreshed', now, record, device, user.reply, rotation.salt, rotation.at, rotation.access_end }
