-- The generic cell rate algorithm: one number a quota, the theoretical arrival time (TAT), in microseconds. A request is
-- allowed when the time is past TAT minus the burst; each one moves TAT on by the emission interval, window / quota. So
-- there are never more than burst + rate * t.
-- A quota is given as 'emissionUs burst', its key holds the TAT, and a key that is not there is a full quota.
local function now_us()
  local time = redis.call('TIME')
  return time[1] * 1000000 + time[2]
end

local function read_quota(key, policy, now)
  local emission, burst = string.match(policy, '^(%d+) (%d+)$')
  emission, burst = tonumber(emission), tonumber(burst)
  local tat = tonumber(redis.call('GET', key) or 0)
  return { key = key, emission = emission, capacity = emission * burst, tat = math.max(tat, now) }
end

-- After how long `cost` more would be allowed; 0: now. A cost above the burst never is: it is told as the whole burst.
local function wait_us(quota, cost, now)
  return math.max(0, quota.tat + cost * quota.emission - quota.capacity - now)
end

local function consume(quota, cost, now)
  quota.tat = math.max(now, quota.tat + cost * quota.emission)
  local ttl_ms = math.ceil((quota.tat - now) / 1000)
  if ttl_ms > 0 then
    redis.call('SET', quota.key, string.format('%.0f', quota.tat), 'PX', string.format('%.0f', ttl_ms))
  else
    redis.call('DEL', quota.key)
  end
end

-- remaining, microseconds until one more is allowed, microseconds until all are there again
local function describe_quota(quota, now)
  local used = quota.tat - now
  return math.floor((quota.capacity - used) / quota.emission), wait_us(quota, 1, now), used
end
