-- The time, in milliseconds since 1970, by Redis's own clock.
local function now_ms()
  local time = redis.call('TIME')
  return time[1] * 1000 + math.floor(time[2] / 1000)
end

-- A number as digits: tostring() would lose some beyond 10^14.
local function digits(number)
  return string.format('%.0f', number)
end
