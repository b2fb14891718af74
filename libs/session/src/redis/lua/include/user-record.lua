-- A user is one hash: what is known of the user, in these fields, and the sessions (session-record.lua). Values are short,
-- so that the hash keeps Redis's compact encoding. 'id' and 'u' are always there. Replies carry the fields in this order.
--   id  the user id
--   u   1-6 version | 7-11 epoch | 12-17 epochAt | roles: names parted by spaces
--   l   1-6 loadedAt | 7-13 sourceVersion, if there is one                      where the app's own database is the truth
--   b   1-6 at | 7-13 until (0: until lifted) | 14-15 length of the reason | reason | by             of a block
--   a   the user's IP allowlist, as include/ip.lua has it
--   k   the leases of near caches, as include/lease.lua has them
local STANDING, ROLES_FROM, BLOCK = '>I6I5I6', 18, '>I6I7I2c0'

-- What the five fields say.
local function user_of(f, now)
  local version, epoch, epoch_at = struct.unpack(STANDING, f[2])
  local user = { id = f[1], version = version, epoch = epoch, epoch_at = epoch_at, roles = string.sub(f[2], ROLES_FROM),
    blocked = false, ip_allowlist = f[5], reply = f }
  if f[3] then user.loaded_at = struct.unpack('>I6', f[3]) end
  if f[3] and #f[3] > 6 then user.source_version = struct.unpack('>I7', f[3], 7) end
  if f[4] then
    local _, until_at = struct.unpack(BLOCK, f[4])
    user.block_until = until_at == 0 and math.huge or until_at
    user.blocked = user.block_until > now
  end
  return user
end

-- How old a record may be: below INSTANTS an age, from there on the instant since when it has to have been loaded, both in ms.
local INSTANTS = 2 ^ 40

-- nil: there is no such user, or what is known is older than max_age_ms.
local function read_user(key, now, max_age_ms)
  local f = redis.call('HMGET', key, 'id', 'u', 'l', 'b', 'a')
  if not f[2] then return nil end
  local user = user_of(f, now)
  if max_age_ms and (user.loaded_at or 0) < (max_age_ms < INSTANTS and now - max_age_ms or max_age_ms) then return nil end
  return user
end

local function has_role(roles, role)
  return string.find(' ' .. roles .. ' ', ' ' .. role .. ' ', 1, true) ~= nil
end
