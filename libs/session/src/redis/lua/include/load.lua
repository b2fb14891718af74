-- A load of a user from the app's database is under way while its nonce stands in the user's hash; every change of the user
-- takes it away. Whoever comes while one is under way joins it: what they read is no older. Field 'w': 1-6 until when | nonce.
-- It is no key of its own: while a Cluster moves a slot, a script cannot have a key that is there and one that is not.
local function standing_load(key, now)
  local stored = redis.call('HGET', key, 'w')
  if stored and struct.unpack('>I6', stored) > now then return string.sub(stored, 7) end
  return nil
end

local function begin_load(key, nonce, for_ms, now)
  local standing = standing_load(key, now)
  if standing then return standing end
  redis.call('HSET', key, 'w', struct.pack('>I6', now + for_ms) .. nonce)
  return nonce
end

local function end_load(key)
  redis.call('HDEL', key, 'w')
end
