-- The data of a user's sessions: one field for each session that has any, session ID -> version (6 bytes), payload.
-- What the payload means is the app's business; nothing here looks into it. Versions begin at the time, so that data
-- which was lost and written again goes on from a higher one. 0 stands for none.
local function read_data(key, id)
  local stored = redis.call('HGET', key, id)
  if not stored then return 0, '' end
  return struct.unpack('>I6', stored), string.sub(stored, 7)
end

-- Where a Cluster moves the slot, a script may have to do without this key: what it would tidy up there stays for a while.
local function forget_data(key, id)
  if key then redis.call('HDEL', key, id) end
end

-- The data may go when its session can no longer be live.
local function keep_until(key, at)
  if not key then return end
  if redis.call('PEXPIRETIME', key) < at then redis.call('PEXPIREAT', key, digits(at)) end
end

local function write_data(key, id, version, payload, keep_until_at)
  redis.call('HSET', key, id, struct.pack('>I6', version) .. payload)
  keep_until(key, keep_until_at)
end

-- Forgets the data of every session that is not among these.
local function sweep_data(key, sessions)
  if not key then return end
  local ids = redis.call('HKEYS', key)
  if #ids == 0 then return end
  local kept = ids_of(sessions)
  for _, id in ipairs(ids) do
    if not kept[id] then redis.call('HDEL', key, id) end
  end
end

-- The session that a token hash may act for, and its user: live, its token good, its user not blocked; else nil.
local function proven_session(key, proof)
  local user = read_user(key, proof.now)
  local record = redis.call('HGET', key, proof.id)
  if not user or user.blocked or not record then return nil end
  local session = unpack_session(record)
  if not is_good(key, proof.id, session, proof.hash, proof.now) then return nil end
  if status_of(session, user, proof.now, 0, proof.role_lifetimes) ~= LIVE then return nil end
  return session, user
end
