-- Room for one more session within the cap. Both ways return the IDs of the sessions that had to end for it, or FULL; and,
-- of a user with many fields, the tally without the new session. keys: user, data. limit: max, rejects, max_ended
local FULL, ID_LENGTH, MOST_OLDEST, LOGINS, LOOK_AGAIN_AFTER_MS = 'full', 16, 128, 128, 3600000

-- The IDs of the oldest sessions, oldest first. In the order of a hash, which is none, few are moved.
local function oldest_of(live)
  local oldest, count = {}, 0
  for _, entry in ipairs(live) do
    if count < MOST_OLDEST or newer(oldest[count], entry) then
      local place = count + 1
      while place > 1 and newer(oldest[place - 1], entry) do place = place - 1 end
      table.insert(oldest, place, entry)
      if count == MOST_OLDEST then oldest[MOST_OLDEST + 1] = nil else count = count + 1 end
    end
  end
  for i = 1, count do oldest[i] = oldest[i].id end
  return table.concat(oldest)
end

-- By a look at every session. It also forgets what is no longer remembered.
local function make_room(keys, user, at, limit)
  local key = keys[1]
  local fields = redis.call('HGETALL', key)
  local live, ended, _, exact_until = part_sessions(key, fields, user, at)
  local evicted, over = {}, #live - limit.max + 1
  if over > 0 and limit.rejects then return FULL end
  take_oldest(live, over, function(entry)
    end_session(key, entry.id, unpack_session(entry.record), EVICTED, at.now)
    evicted[#evicted + 1] = entry.id
    ended[#ended + 1] = { id = entry.id, at = at.now }
  end)
  take_oldest(ended, #ended - limit.max_ended, function(entry) forget_session(key, entry.id) end)
  sweep_data(keys[2], live)
  sweep_quotas(key, fields, live, at.now * 1000)
  if #fields <= 2 * MANY_FIELDS then return evicted end
  if over > 0 then redis.call('HSET', key, 'o', oldest_of(live)) end
  return evicted, { open = #live, exact_until = exact_until, looked_at = at.now, logins = 0,
    lifetimes = digest_of_lifetimes(user, at.role_lifetimes) }
end

-- Takes the oldest session out of those that were noted, and returns its ID and record; nil when none of them is left.
local function take_noted_oldest(key, user)
  local noted = redis.call('HGET', key, 'o') or ''
  for from = 1, #noted, ID_LENGTH do
    local id = string.sub(noted, from, from + ID_LENGTH - 1)
    local record = redis.call('HGET', key, id)
    local session = record and unpack_session(record)
    if session and session.ended == 0 and session.epoch == user.epoch then
      redis.call('HSET', key, 'o', string.sub(noted, from + ID_LENGTH))
      return id, session
    end
  end
end

-- Without a look at every session; nil where that does not do, or is due.
local function make_room_by_tally(keys, user, at, limit)
  local key = keys[1]
  local tally = read_tally(key, user)
  if not tally or tally.logins >= LOGINS or math.abs(at.now - tally.looked_at) > LOOK_AGAIN_AFTER_MS then return nil end
  tally.logins = tally.logins + 1
  local over = tally.open - limit.max + 1
  if over <= 0 then return {}, tally end
  if not is_exact(tally, user, at.now, at.role_lifetimes) then return nil end
  if limit.rejects then return FULL end
  if over > 1 then return nil end
  local id, session = take_noted_oldest(key, user)
  if not id then return nil end
  end_session(key, id, session, EVICTED, at.now)
  forget_data(keys[2], id)
  tally.open = tally.open - 1
  return { id }, tally
end
