#!lua flags=allow-oom
-- The one-time tokens of a subject, for the user to see: neither a hash nor the data leaves Redis.
-- When full: read: it writes nothing
-- KEYS[1] once
-- Returns of each its purpose, and when it was issued and ends, in turns
-- @include one-time-token

local tokens = {}
each_one_time(KEYS[1], function(_, token)
  for _, value in ipairs({ token.purpose, math.floor(token.issued_at / 1000), token.expires_at }) do
    tokens[#tokens + 1] = value
  end
end)
return tokens
