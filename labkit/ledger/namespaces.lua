-- How each namespace stands that has a ledger. KEYS[1] is nothing's name here.
-- ARGV: where SCAN goes on; how many keys it looks at; ms of silence after which a worker no longer counts; the
--   namespaces that are known.
-- Returns where SCAN goes on; then of each namespace its name, how many jobs are in each of the seven
-- states, how many workers live, and the id of its last event.

local ending = ":__ledger__.events"
local cursor, found = unpack(redis.call("SCAN", ARGV[1], "MATCH", "*" .. ending, "COUNT", ARGV[2]))
local names = {}
for i = 4, #ARGV do names[ARGV[i]] = true end
for _, key in ipairs(found) do names[string.sub(key, 1, -1 - #ending)] = true end

local reply = { cursor }
for name in pairs(names) do
  local own = name .. ":__ledger__."
  local last = redis.call("XREVRANGE", own .. "events", "+", "-", "COUNT", 1)[1]
  if last then
    reply[#reply + 1] = name
    for _, state in ipairs({ "scheduled", "enqueued", "running", "retrying", "completed", "dead", "cancelled" }) do
      reply[#reply + 1] = redis.call("ZCARD", own .. state)
    end
    reply[#reply + 1] = redis.call("ZCOUNT", name .. ":__heartbeats__", millis - ARGV[3], "+inf")
    reply[#reply + 1] = last[1]
  end
end
return reply
