-- The generic cell rate algorithm: one number a quota, the theoretical arrival time (TAT), in microseconds. A request is
-- allowed when the time is past TAT minus the burst; each one moves TAT on by the emission interval, window / quota. So
-- there are never more than burst + rate * t.
local function now_us()
  local time = redis.call('TIME')
  return time[1] * 1000000 + time[2]
end

-- After how long `cost` more would be allowed; 0: now.
local function wait_us(tat, emission, burst, cost, now)
  return math.max(0, tat + (cost - burst) * emission - now)
end

-- remaining, microseconds until `cost` more are allowed, microseconds until all are there again
local function describe_quota(tat, emission, burst, cost, now)
  local used = tat - now
  return math.max(0, math.floor((burst * emission - used) / emission)), wait_us(tat, emission, burst, cost, now), used
end

-- Whether there is room for as much as the cost, and the TAT that counts. Where none is kept, or one that has passed, the
-- quota is full. One further ahead than the whole burst was written before the clock stepped back: it refuses for no longer
-- than the burst takes to come back.
local function room_for(cost, tat, emission, burst, now)
  tat = math.min(math.max(tat, now), now + burst * emission)
  return wait_us(tat, emission, burst, cost, now) == 0, tat
end

-- Returns whether it was allowed, and the TAT after it: a consumption that is not allowed consumes nothing. A TAT that was
-- too far ahead is to be written down all the same: otherwise it stays so for as long as the clock stepped back.
local function consume(tat, emission, burst, cost, now)
  local has_room, bounded = room_for(cost, tat, emission, burst, now)
  return has_room, has_room and bounded + cost * emission or bounded
end

-- Returns whether there is room for as much as the cost, and the TAT after a peek, refund or reset.
local function loosen(operation, tat, emission, burst, cost, now)
  local has_room, bounded = room_for(cost, operation == 'reset' and now or tat, emission, burst, now)
  return has_room, operation == 'refund' and math.max(now, bounded - cost * emission) or bounded
end
