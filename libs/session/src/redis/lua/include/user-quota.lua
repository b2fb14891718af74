-- The quotas of a user and of the user's sessions are fields of the user's hash, so that a check reads them with all else
-- and writes them with its touch: 'q:NAME' or 'q:NAME:SESSION_ID' -> TAT (gcra.lua) in 7 bytes. A login forgets those that
-- are full again.
local TAT = '>I7'

local function tat_of(stored)
  return stored and struct.unpack(TAT, stored) or 0
end

local function forget_full_quotas(key, fields, now)
  for i = 1, #fields, 2 do
    if string.sub(fields[i], 1, 2) == 'q:' and tat_of(fields[i + 1]) <= now then redis.call('HDEL', key, fields[i]) end
  end
end
