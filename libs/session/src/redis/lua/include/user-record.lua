-- A user's record is a hash of these fields; only id, version, epoch, epochAt and roles are always there.
-- Roles are names parted by spaces. ipAllowlist is as include/ip.lua has it. Replies carry the
-- fields in this order.
local function read_user(key, now, max_age_ms)
  local f = redis.call('HMGET', key, 'id', 'version', 'epoch', 'roles', 'sourceVersion',
    'blockedAt', 'blockReason', 'blockUntil', 'blockBy', 'ipAllowlist', 'epochAt', 'loadedAt')
  if not f[1] then return nil end
  if max_age_ms and now - (tonumber(f[12]) or 0) > max_age_ms then return nil end
  return {
    id = f[1],
    version = tonumber(f[2]),
    epoch = tonumber(f[3]),
    roles = f[4],
    source_version = tonumber(f[5] or nil),
    block_until = f[6] and (tonumber(f[8] or nil) or math.huge),
    blocked = f[6] and (not f[8] or tonumber(f[8]) > now),
    ip_allowlist = f[10],
    epoch_at = tonumber(f[11]),
    reply = f,
  }
end

local function has_role(roles, role)
  return string.find(' ' .. roles .. ' ', ' ' .. role .. ' ', 1, true) ~= nil
end
