-- One step through a state's jobs, in the order of its list, behind the job at which the last one ended.
-- ARGV: state, "REV" for the newest first or "", score and id of that job ("" to begin), how many at
-- most, how many bytes about; then texts in small letters, each of which a record must hold.
-- Returns how many were looked at, score and id of the last; then, flat, ids and records with the texts.

local key, reverse, score, last = ledger .. ARGV[1], ARGV[2] ~= "", ARGV[3], ARGV[4]
local first = 0
if last ~= "" then
  local rank = redis.call("ZSCORE", key, last) == score
    and redis.call(reverse and "ZREVRANK" or "ZRANK", key, last)
  if rank then
    first = rank + 1
  elseif reverse then -- it has left: those of its own moment are read again
    first = redis.call("ZCOUNT", key, "(" .. score, "+inf")
  else
    first = redis.call("ZCOUNT", key, "-inf", "(" .. score)
  end
end

local function has_all(id, raw)
  local text = #ARGV > 6 and string.lower(raw)
  for i = 7, #ARGV do
    if not (string.find(text, ARGV[i], 1, true) or string.find(id, ARGV[i], 1, true)) then return false end
  end
  return true
end

local members = redis.call(reverse and "ZREVRANGE" or "ZRANGE", key, first, first + ARGV[5] - 1, "WITHSCORES")
local reply, bytes = { 0, score, last }, 0
local some = 20
for i = 1, #members, 2 * some do
  local ids = {}
  for j = i, math.min(i + 2 * some, #members) - 1, 2 do ids[#ids + 1] = members[j] end
  for j, raw in ipairs(redis.call("HMGET", ledger .. "jobs", unpack(ids))) do
    if raw and has_all(ids[j], raw) then
      reply[#reply + 1] = ids[j]
      reply[#reply + 1] = raw
    end
    bytes = bytes + (raw and #raw or 0)
  end
  reply[1], reply[2], reply[3] = reply[1] + #ids, members[i + 2 * #ids - 1], ids[#ids]
  if bytes > tonumber(ARGV[6]) then break end
end
return reply
