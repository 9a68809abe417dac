-- Everything that the records say and that Dramatiq's own keys say, at one instant: for the checker.
-- ARGV: names of queues. Not for a large Redis that others are waiting for.
-- Returns flat triples: what (a state's set, "record", or a place), which queue or "", and the member.

local seen = {}
local function add(what, queue, members)
  for _, member in ipairs(members) do
    seen[#seen + 1] = what
    seen[#seen + 1] = queue
    seen[#seen + 1] = member
  end
end

local states = { "scheduled", "enqueued", "running", "retrying", "completed", "dead", "cancelled" }
for _, state in ipairs(states) do
  add("set", state, redis.call("ZRANGE", ledger .. state, 0, -1))
end
for _, id in ipairs(redis.call("HKEYS", ledger .. "jobs")) do
  local job = load(id)
  local queue = job and queue_of(job) or "?"
  add("record", job and job.state .. " " .. job.delivery .. " " .. queue or "unreadable", { id })
end
local workers = redis.call("ZRANGE", heartbeats, 0, -1)
for _, queue in ipairs(ARGV) do
  for _, place in ipairs({ queue, queue .. ".DQ" }) do
    add("waits", place, redis.call("LRANGE", ns .. ":" .. place, 0, -1))
    add("message", place, redis.call("HKEYS", ns .. ":" .. place .. ".msgs"))
    for _, worker in ipairs(workers) do
      add("held", place, redis.call("SMEMBERS", ns .. ":__acks__." .. worker .. "." .. place))
    end
  end
  add("waits", queue .. ".DQ", redis.call("ZRANGE", due_set(queue), 0, -1))
  add("waits", queue .. ".XQ", redis.call("ZRANGE", ns .. ":" .. queue .. ".XQ", 0, -1))
  add("message", queue .. ".XQ", redis.call("HKEYS", ns .. ":" .. queue .. ".XQ.msgs"))
end
return seen
