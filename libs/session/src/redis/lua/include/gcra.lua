-- The generic cell rate algorithm: one number a quota, the theoretical arrival time (TAT), in microseconds. A request is
-- allowed when the time is past TAT minus the burst; each one moves TAT on by the emission interval, window / quota. So
-- there are never more than burst + rate * t. Where no TAT is kept, or one that has passed, the quota is full.
local function now_us()
  local time = redis.call('TIME')
  return time[1] * 1000000 + time[2]
end

-- After how long `cost` more would be allowed; 0: now. A cost above the burst never is: it is told as the whole burst.
local function wait_us(tat, emission, burst, cost, now)
  return math.max(0, tat + (cost - burst) * emission - now)
end

-- remaining, microseconds until one more is allowed, microseconds until all are there again
local function describe_quota(tat, emission, burst, now)
  local used = tat - now
  return math.max(0, math.floor((burst * emission - used) / emission)), wait_us(tat, emission, burst, 1, now), used
end

-- Returns whether it was allowed, and the TAT after it: a consumption that is not allowed consumes nothing.
local function operate(operation, tat, emission, burst, cost, now)
  tat = operation == 'reset' and now or math.max(tat, now)
  local allowed = wait_us(tat, emission, burst, cost, now) == 0
  if operation == 'refund' then tat = math.max(now, tat - cost * emission) end
  if operation == 'consume' and allowed then tat = tat + cost * emission end
  return allowed, tat
end
