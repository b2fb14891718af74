-- A load of a user from the app's database is under way while its nonce stands; every change of the user takes it away.
-- Whoever comes while one is under way joins it: what they read is no older.
local function begin_load(key, nonce, for_ms)
  redis.call('SET', key, nonce, 'PX', for_ms, 'NX')
  return redis.call('GET', key)
end
