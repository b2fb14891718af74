-- Makes or changes a user's record; the callers have decided that it may be.
-- change: roles (names, or nil to keep them), block ('keep', 'clear' or 'set' with reason, until_at, by), ip_allowlist (as
-- include/ip.lua has it, false to clear it, nil to keep it), source_version

-- Every session of before is revoked. To be stored as a new version.
local function start_epoch(user, now)
  user.epoch, user.epoch_at = user.epoch + 1, now
end

local function store_next_version(key, user)
  user.version = user.version + 1
  user.reply[2] = struct.pack(STANDING, user.version, user.epoch, user.epoch_at) .. user.roles
  redis.call('HSET', key, 'u', user.reply[2])
end

-- Of a user whom no database knows: when it was asked, as it were, in the 6 bytes that there are for it.
local NEVER_TOO_OLD = 2 ^ 48 - 1

-- What the app's own database said, and when; its version stays where it said none.
local function store_loaded(key, loaded_at, source_version)
  local version = source_version and struct.pack('>I7', source_version) or ''
  redis.call('HSET', key, 'l', struct.pack('>I6', loaded_at) .. version)
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
  local until_at = tonumber(change.until_at) or 0
  redis.call('HSET', key, 'b', struct.pack(BLOCK, now, until_at, #change.reason, change.reason) .. change.by)
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
    or (change.block == 'clear' and user.reply[4])
    or (change.ip_allowlist ~= nil and change.ip_allowlist ~= user.ip_allowlist)
end

-- Makes the change, but for what store_next_version writes.
local function apply_change(key, user, change, now)
  if change.roles then user.roles = change.roles end
  if change.block == 'clear' then
    redis.call('HDEL', key, 'b')
  elseif change.block == 'set' then
    write_block(key, change, now)
    start_epoch(user, now)
  end
  if change.ip_allowlist then
    redis.call('HSET', key, 'a', change.ip_allowlist)
  elseif change.ip_allowlist == false then
    redis.call('HDEL', key, 'a')
  end
end

-- Versions begin at the time, so that a record which was lost and made again goes on from a higher one.
local function make_user(key, id, change, now, new_epoch)
  redis.call('HSET', key, 'id', id, 'u', struct.pack(STANDING, now, tonumber(new_epoch), now) .. (change.roles or ''))
  if change.block == 'set' then write_block(key, change, now) end
  if change.ip_allowlist then redis.call('HSET', key, 'a', change.ip_allowlist) end
  redis.call('PERSIST', key) -- a quota that was there before must not take the record along
end
