-- The quotas of a user and of the user's sessions are fields of the user's hash, so that a check reads them with all else
-- and writes them with its touch: 'q:NAME' or 'q:NAME/SESSION_ID' -> TAT (gcra.lua) in 7 bytes; a name has no slash.
local TAT, SLASH = '>I7', 47

local function tat_of(stored)
  return stored and struct.unpack(TAT, stored) or 0
end

-- Forgets the quotas that are full again, and those of sessions that are not among these.
local function sweep_quotas(key, fields, sessions, now)
  local kept
  for i = 1, #fields, 2 do
    local field = fields[i]
    if string.sub(field, 1, 2) == 'q:' then
      local slash = string.find(field, '/', 3, true)
      if slash and not kept then kept = ids_of(sessions) end
      local is_over = slash and not kept[string.sub(field, slash + 1)]
      if is_over or tat_of(fields[i + 1]) <= now then redis.call('HDEL', key, field) end
    end
  end
end
