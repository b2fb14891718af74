#!lua
-- One hit of a throttler of @nestjs/throttler, in a sliding window: never more than the limit in any span of the ttl.
-- Hits are kept by the 32nd part of the ttl in which they came, each part as long as its last hit; so a key has 370
-- bytes at most, and a hit counts up to a 32nd of the ttl too long, never too short. What is refused is not counted.
-- KEYS[1] throttle           7 bytes: blocked until; then for each part 7 bytes: its last hit, and 4: how many; in us
-- ARGV[1] ttlUs
-- ARGV[2] limit
-- ARGV[3] blockUs            for how long the first hit over the limit blocks, if there is room by then; 0: until there is
-- Returns { hits, us until the oldest leaves the window, blocked 1 or 0, us until one is let in }
local PARTS, HEAD_BYTES, PART_BYTES = 32, 7, 11

local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local ttl, limit, block = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])

local blocked_until, parts, hits, was_ahead = 0, {}, 0, false
local stored = redis.call('GET', KEYS[1])
if stored then
  local until_at, latest = struct.unpack('>I7', stored), now + math.max(block, ttl)
  blocked_until, was_ahead = math.min(until_at, latest), until_at > latest
  for from = HEAD_BYTES + 1, #stored, PART_BYTES do
    local last, count = struct.unpack('>I7I4', stored, from)
    -- One from ahead was counted before the clock stepped back. It is written down so, or it would stay for all of the step.
    if last > now then last, was_ahead = now, true end
    if last + ttl > now then
      parts[#parts + 1] = { last = last, count = count }
      hits = hits + count
    end
  end
end

local function part_of(at)
  return math.floor(at / (ttl / PARTS))
end

local function count_hit()
  hits = hits + 1
  local newest = parts[#parts]
  if newest and part_of(newest.last) == part_of(now) then
    newest.count, newest.last = newest.count + 1, math.max(newest.last, now)
  else
    parts[#parts + 1] = { last = now, count = 1 }
  end
end

-- When so many have left the window that one more is within the limit.
local function room_at()
  local left = hits
  for _, part in ipairs(parts) do
    left = left - part.count
    if left < limit then return part.last + ttl end
  end
  return now + ttl
end

local function store()
  local newest = parts[#parts]
  local ttl_ms = math.ceil((math.max(blocked_until, newest and newest.last + ttl or 0) - now) / 1000)
  if ttl_ms <= 0 then return redis.call('DEL', KEYS[1]) end
  local packed = { struct.pack('>I7', blocked_until) }
  for _, part in ipairs(parts) do
    packed[#packed + 1] = struct.pack('>I7I4', part.last, part.count)
  end
  redis.call('SET', KEYS[1], table.concat(packed), 'PX', string.format('%.0f', ttl_ms))
end

local blocked = blocked_until > now
if not blocked and hits < limit then
  count_hit()
  store()
elseif not blocked then
  if block == 0 and was_ahead then store() end
  blocked, blocked_until = true, math.max(now + block, room_at())
  if block > 0 then store() end
elseif was_ahead then
  store()
end
local reset = parts[1] and parts[1].last + ttl - now or ttl
if blocked then return { limit + 1, reset, 1, blocked_until - now } end
return { hits, reset, 0, 0 }
