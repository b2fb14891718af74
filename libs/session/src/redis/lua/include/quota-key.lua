-- A quota that is on no user's slot: its TAT (gcra.lua) in digits and, after a semicolon, 17 bytes for each receipt. A
-- receipt names a consumption, so that it can be given back once, and only if it took place: also when its reply was lost.
--   1-6 until when it is kept, in ms | 7-9 cost | 10-17 its name
local RECEIPT, RECEIPT_BYTES, RECEIPT_NAME, MOST_RECEIPTS = '>I6I3c8', 17, 9, 512

local function read_quota(key)
  local stored = redis.call('GET', key)
  if not stored then return 0, '' end
  local tat, from = string.match(stored, '^(%d+);?()')
  return tonumber(tat), string.sub(stored, from)
end

local function write_quota(key, tat, receipts, now)
  if tat <= now then return redis.call('DEL', key) end
  local value = string.format('%.0f', tat)
  if receipts ~= '' then value = value .. ';' .. receipts end
  redis.call('SET', key, value, 'PX', math.ceil((tat - now) / 1000))
end

-- The oldest come first. Those whose term is over are dropped, and so is the oldest of too many.
local function add_receipt(receipts, name, cost, term_ms, now)
  local now_in_ms, from = math.floor(now / 1000), 1
  while from <= #receipts and struct.unpack('>I6', receipts, from) <= now_in_ms do from = from + RECEIPT_BYTES end
  if #receipts - from + 1 >= MOST_RECEIPTS * RECEIPT_BYTES then from = from + RECEIPT_BYTES end
  return string.sub(receipts, from) .. struct.pack(RECEIPT, now_in_ms + term_ms, cost, name)
end

-- What was taken by this name (nil: nothing), and the receipts without it.
local function take_receipt(receipts, name)
  for from = 1, #receipts, RECEIPT_BYTES do
    if string.sub(receipts, from + RECEIPT_NAME, from + RECEIPT_BYTES - 1) == name then
      local _, cost = struct.unpack(RECEIPT, receipts, from)
      return cost, string.sub(receipts, 1, from - 1) .. string.sub(receipts, from + RECEIPT_BYTES)
    end
  end
  return nil, receipts
end
