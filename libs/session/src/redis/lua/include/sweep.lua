-- Parts the sessions among all fields of a user's hash into the live ones and those that have ended. On the way it writes
-- down timeouts that were not seen yet, and forgets what is no longer remembered. Returns both, how many it
-- forgot, and when the first of the live ones times out.
local function part_sessions(key, fields, user, at)
  local live, ended, forgotten, exact_until = {}, {}, 0, NO_TIMEOUT
  local is_live = liveness(user, at.now, at.role_lifetimes)
  each_record(fields, function(id, record)
    local lives, created_at, ends_at = is_live(record)
    if lives then
      if ends_at < exact_until then exact_until = ends_at end
      live[#live + 1] = { id = id, at = created_at, record = record }
      return
    end
    local session = unpack_session(record)
    local status, ended_at = status_of(session, user, at.now, at.remember_ended_ms, at.role_lifetimes)
    if status == UNKNOWN then
      forget_session(key, id)
      forgotten = forgotten + 1
      return
    end
    note_timeout(key, id, session, status, ended_at)
    ended[#ended + 1] = { id = id, at = ended_at }
  end)
  return live, ended, forgotten, exact_until
end

local function newer(a, b)
  return a.at > b.at or (a.at == b.at and a.id > b.id)
end

-- Calls visit(entry) for so many of the oldest, which it takes out of the list. As a rule that is one.
local function take_oldest(entries, count, visit)
  if count == 1 then
    local oldest = 1
    for i = 2, #entries do
      if newer(entries[oldest], entries[i]) then oldest = i end
    end
    entries[oldest], entries[#entries] = entries[#entries], entries[oldest]
  elseif count > 1 then
    table.sort(entries, newer)
  end
  for _ = 1, count do visit(table.remove(entries)) end
end

local function ids_of(entries)
  local ids = {}
  for _, entry in ipairs(entries) do ids[entry.id] = true end
  return ids
end
