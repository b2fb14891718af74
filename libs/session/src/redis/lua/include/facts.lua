-- What a check found, as one string: one long reply takes a client far less time to read than many short ones. Numbers are
-- unsigned and big-endian, texts have their length in 4 bytes before them.
--   1 status | 1 flags | 6 now | 6 end of the token (0: with its session) | 64 record | 6 version | 5 epoch
--   user id | roles | device
--   then, each where its flag is set
--   2 block: 6 at, 6 until (0: none), reason, by | 4 sourceVersion, as text | 8 the user's IP allowlist
--   16 for each quota: 1 allowed, 6 remaining, 6 microseconds until one more, 6 microseconds until all
--   32 data: 6 version, payload
--   Flag 1 says that the request may come from its address.
local FACTS, TEXT, BLOCK, QUOTA = '>BBI6I6c64I6I5I4c0I4c0I4c0', '>I4c0', '>I6I6I4c0I4c0', '>BI6I6I6'

local function pack_facts(found, session_record, device, user)
  local flags, more, f = found.admitted and 1 or 0, '', user.reply
  if f[6] then
    flags = flags + 2
    local reason, by = f[7] or '', f[9] or ''
    more = struct.pack(BLOCK, tonumber(f[6]), tonumber(f[8] or 0), #reason, reason, #by, by)
  end
  if f[5] then
    flags = flags + 4
    more = more .. struct.pack(TEXT, #f[5], f[5])
  end
  if f[10] then
    flags = flags + 8
    more = more .. struct.pack(TEXT, #f[10], f[10])
  end
  if found.quotas then
    flags = flags + 16
    more = more .. found.quotas
  end
  if found.data_version then
    flags = flags + 32
    more = more .. struct.pack('>I6I4c0', found.data_version, #found.payload, found.payload)
  end
  device = device or ''
  return struct.pack(FACTS, found.status, flags, found.now, found.token_end, session_record, user.version, user.epoch,
    #user.id, user.id, #user.roles, user.roles, #device, device) .. more
end
