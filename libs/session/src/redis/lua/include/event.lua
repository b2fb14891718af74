-- Tells every node what has just happened to a user, as one line: name, userRef, version, epoch, session ID or '-', what
-- else there is to say, user id. That nobody hears it, or that we may not speak on the channel, undoes nothing: nodes
-- also look for themselves.
local function announce(channel, name, key, user, session_id, more)
  local line = { name, string.match(key, '{(.-)}'), digits(user.version), digits(user.epoch), session_id or '-' }
  for _, word in ipairs(more or {}) do line[#line + 1] = word end
  line[#line + 1] = user.id
  redis.pcall('PUBLISH', channel, table.concat(line, ' '))
end

-- What a change of a user's record has come to.
local function announce_change(channel, key, change, had_block, after)
  if change.block == 'set' then announce(channel, 'user.blocked', key, after) end
  if change.block == 'clear' and had_block then announce(channel, 'user.unblocked', key, after) end
  if change.roles then announce(channel, 'user.roles_changed', key, after) end
  if change.ip_allowlist ~= nil then announce(channel, 'user.ip_allowlist_changed', key, after) end
end
