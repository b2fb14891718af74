-- Refresh tokens. A session that has them (has_family) has two fields more in its user's hash, and at times a third, each
-- short enough for Redis's compact encoding:
--   ID:f  1-32 family hash | 33-64 hash of the current refresh token
--   ID:g  1-6 end of the access token, and for as long as the refresh token before may be answered:
--         7-12 rotatedAt | 13-14 grace in ms | 15-46 its hash | 47-62 the salt that made its successor
--   ID:r  1-32 the family hash before the token was replaced | 33-38 when that was
local ACCESS_END, ROTATION, LAST_FAMILY = '>I6', '>I6I6I2c32c16', '>c32I6'

-- What is known of the last rotation. A salt whose grace is over is deleted here: with it and a stolen old token, a copy
-- of Redis would be enough to make today's tokens.
local function read_rotation(key, id, now)
  local packed = redis.call('HGET', key, id .. ':g')
  if not packed then return { access_end = 0 } end
  local access_end = struct.unpack(ACCESS_END, packed)
  if #packed == 6 then return { access_end = access_end } end
  local _, at, grace, previous, salt = struct.unpack(ROTATION, packed)
  if now - at >= grace then
    redis.call('HSET', key, id .. ':g', struct.pack(ACCESS_END, access_end))
    return { access_end = access_end }
  end
  return { access_end = access_end, at = at, previous = previous, salt = salt }
end

-- Until when a presented access token is good: math.huge for one that lives as long as its session, 0 for one that was
-- replaced, nil for one that is not known.
local function token_end(key, id, session, hash, now, remember_ended_ms)
  -- Lua interns strings: this compares two addresses, not byte by byte. Both sides are digests besides.
  if session.hash == hash then
    return has_family(session) and read_rotation(key, id, now).access_end or math.huge
  end
  local previous = redis.call('HGET', key, id .. ':p')
  if not previous then return nil end
  local previous_hash, at, good_until = struct.unpack(PREVIOUS_TOKEN, previous)
  if previous_hash ~= hash or now - at > remember_ended_ms then return nil end
  return good_until
end

-- Whether a presented access token may still act.
local function is_good(key, id, session, hash, now)
  local good_until = token_end(key, id, session, hash, now, math.huge)
  return good_until ~= nil and now < good_until
end

-- When an access token that is made now ends: by its own time, or with its session.
local function access_end_of(session, user, now, ttl_ms, role_lifetimes)
  return math.min(now + ttl_ms, (expires_at(session, user, role_lifetimes)))
end

local function begin_family(key, id, family_hash, refresh_hash, access_end)
  redis.call('HSET', key, id .. ':f', family_hash .. refresh_hash, id .. ':g', struct.pack(ACCESS_END, access_end))
end

-- Its tokens are good for nothing any more, and its last hash is known for a while.
local function end_family(key, id, now)
  local family = redis.call('HGET', key, id .. ':f')
  redis.call('HSET', key, id .. ':r', struct.pack(LAST_FAMILY, family, now))
  redis.call('HDEL', key, id .. ':f', id .. ':g')
end
