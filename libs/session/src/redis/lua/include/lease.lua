-- Leases of near caches: which of them may answer for a user, or by a named list, from memory, and until when. They are one
-- field of the record's hash, 'k', of 21 bytes for each holder:
--   1-5 holder, the name that one near cache has | 6-10 its first fill that it has not given back | 11-15 its latest fill |
--   16-21 expires at
-- A lease that is asked for: 1-5 holder | 6-10 fill | 11-14 term in ms.
local LEASE, LEASE_BYTES, ASKED_LEASE, MOST_LEASES = '>c5I5I5I6', 21, '>c5I5I4', 64
-- A clock that was set forward by less than this makes no lease look as if it had run out.
local LEASE_MARGIN_MS = 250

local function read_leases(key)
  local leases, stored = {}, redis.call('HGET', key, 'k') or ''
  for at = 1, #stored, LEASE_BYTES do
    local holder, from, to, expires_at = struct.unpack(LEASE, stored, at)
    leases[#leases + 1] = { holder = holder, from = from, to = to, expires_at = expires_at }
  end
  return leases
end

local function pack_leases(leases)
  local packed = {}
  for i, lease in ipairs(leases) do
    packed[i] = struct.pack(LEASE, lease.holder, lease.from, lease.to, lease.expires_at)
  end
  return table.concat(packed)
end

-- What has run out is dropped.
local function unexpired(leases, now)
  local left = {}
  for _, lease in ipairs(leases) do
    if lease.expires_at + LEASE_MARGIN_MS > now then left[#left + 1] = lease end
  end
  return left
end

-- Returns whether the answer may be kept: not where it might be out of date before the lease is.
local function grant_lease(key, asked, now, fresh_until)
  local holder, fill, term_ms = struct.unpack(ASKED_LEASE, asked)
  if now + term_ms > fresh_until then return false end
  local leases, own = unexpired(read_leases(key), now), nil
  for _, lease in ipairs(leases) do
    if lease.holder == holder then own = lease end
  end
  if not own then
    if #leases >= MOST_LEASES then return false end
    own = { holder = holder, from = fill, to = fill, expires_at = 0 }
    leases[#leases + 1] = own
  end
  -- A call that was sent again may come after a later one.
  own.from, own.to = math.min(own.from, fill), math.max(own.to, fill)
  own.expires_at = math.max(own.expires_at, now + term_ms)
  redis.call('HSET', key, 'k', pack_leases(leases))
  return true
end
