-- Makes or changes a user's record; the callers have decided that it may be.
-- change: roles (names, or nil to keep them), block ('keep', 'clear' or 'set' with reason, until_at, by), ip_allowlist (as
-- include/ip.lua has it, false to clear it, nil to keep it), source_version
-- Versions begin at the time, so that a record which was lost and made again goes on from a higher one.
local function make_user(key, id, change, now, new_epoch)
  redis.call('HSET', key, 'id', id, 'version', digits(now), 'epoch', new_epoch, 'epochAt', digits(now),
    'roles', change.roles or '', 'loadedAt', digits(now))
end

-- '~' leaves a list, '-' takes it away.
local function ip_allowlist_of(argument)
  if argument == '~' then return nil end
  return argument ~= '-' and argument
end

local function until_of(change)
  return tonumber(change.until_at) or math.huge
end

-- A block whose end has passed, from another database, is none.
local function without_past_block(change, now)
  if change.block == 'set' and until_of(change) <= now then change.block = 'clear' end
  return change
end

local function write_block(key, change, now)
  redis.call('HDEL', key, 'blockUntil', 'blockBy')
  redis.call('HSET', key, 'blockedAt', digits(now), 'blockReason', change.reason)
  if change.until_at ~= '' then redis.call('HSET', key, 'blockUntil', change.until_at) end
  if change.by ~= '' then redis.call('HSET', key, 'blockBy', change.by) end
end

local function new_epoch_of(key, now)
  redis.call('HINCRBY', key, 'epoch', 1)
  redis.call('HSET', key, 'epochAt', digits(now))
end

-- The app's own version of a user decides between two sources of truth: 'outdated' loses, 'equal' may only tighten,
-- 'newer' takes all. With none on the record there is nothing to lose to.
local function compare_source(user, source_version)
  if not user.source_version then return 'newer' end
  if source_version < user.source_version then return 'outdated' end
  return source_version == user.source_version and 'equal' or 'newer'
end

local function only_tightening(user, change)
  if change.roles then
    local kept = {}
    for role in string.gmatch(user.roles, '%S+') do
      if has_role(change.roles, role) then kept[#kept + 1] = role end
    end
    change.roles = table.concat(kept, ' ')
  end
  local lasts_longer = change.block == 'set' and not (user.blocked and until_of(change) <= user.block_until)
  if not lasts_longer then change.block = 'keep' end
  -- Of two lists nobody can tell which is the tighter one: the first stays.
  if user.ip_allowlist or not change.ip_allowlist then change.ip_allowlist = nil end
  return change
end

-- Whether the change would alter the record.
local function alters(user, change)
  return (change.roles and change.roles ~= user.roles)
    or change.block == 'set'
    or (change.block == 'clear' and user.reply[6])
    or (change.ip_allowlist ~= nil and change.ip_allowlist ~= user.ip_allowlist)
end

local function apply_change(key, change, now)
  if change.roles then redis.call('HSET', key, 'roles', change.roles) end
  if change.block == 'clear' then
    redis.call('HDEL', key, 'blockedAt', 'blockReason', 'blockUntil', 'blockBy')
  elseif change.block == 'set' then
    write_block(key, change, now)
    new_epoch_of(key, now)
  end
  if change.ip_allowlist then
    redis.call('HSET', key, 'ipAllowlist', change.ip_allowlist)
  elseif change.ip_allowlist == false then
    redis.call('HDEL', key, 'ipAllowlist')
  end
  if change.source_version then redis.call('HSET', key, 'sourceVersion', digits(change.source_version)) end
end
