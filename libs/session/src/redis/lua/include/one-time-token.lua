-- A one-time token is one field of its subject's hash: token ID -> 51 bytes and what is variable.
--   1-32 token hash | 33-37 epoch (0: the subject had no user record) | 38-43 expiresAt | 44-50 issuedAt in us
--   51 length of the purpose | purpose | data, which only the app understands
-- The field 'subject' has the full name of whom they are about.
local ONE_TIME = '>c32I5I6I7Bc0'
local TOKEN_ID_LENGTH = 16

local function unpack_one_time(record)
  local hash, epoch, expires_at, issued_at, purpose, rest = struct.unpack(ONE_TIME, record)
  return {
    hash = hash,
    epoch = epoch,
    expires_at = expires_at,
    issued_at = issued_at,
    purpose = purpose,
    data = string.sub(record, rest),
  }
end

-- Calls visit(id, token) for every token of the hash.
local function each_one_time(key, visit)
  local fields = redis.call('HGETALL', key)
  for i = 1, #fields, 2 do
    if #fields[i] == TOKEN_ID_LENGTH then visit(fields[i], unpack_one_time(fields[i + 1])) end
  end
end

-- The epoch that a token of this subject is bound to at this moment.
local function epoch_of(user)
  return user and user.epoch or 0
end

-- The epoch of the subject and the version of the record (0: there is none) when a token that was bound to this epoch has
-- been used, by which all sessions may have ended; nil: the token is void.
local function settle_one_time(key, now, bound)
  local user = read_user(key, now)
  if user and user.id ~= bound.subject then return nil end
  if epoch_of(user) ~= bound.epoch then return nil end
  if user and bound.revoke_all == '1' then
    start_epoch(user, now)
    store_next_version(key, user)
    announce(bound.channel, 'sessions.revoked_all', key, user)
  end
  return epoch_of(user), user and user.version or 0
end
