-- Who has fetched these waiting jobs already: they sit in a worker's memory until a thread is free.
-- ARGV: job ids. Returns how many waiting jobs are so in all, then for each id the worker, or "".

local held = -redis.call("ZCARD", ledger .. "running")
for _, queue in ipairs(redis.call("SMEMBERS", ledger .. "queues")) do
  held = held + redis.call("HLEN", ns .. ":" .. queue .. ".msgs") - redis.call("LLEN", ns .. ":" .. queue)
end
local reply = { math.max(0, held) }
if held <= 0 then return reply end

local workers = redis.call("ZRANGE", heartbeats, 0, -1)
local function holder(id)
  local job = load(id)
  local queue = job and queue_of(job)
  if not queue then return "" end
  for _, worker in ipairs(workers) do
    local acks = ns .. ":__acks__." .. worker .. "." .. queue
    for _, delivery in ipairs({ id .. "#" .. job.delivery, job.delivery }) do
      if redis.call("SISMEMBER", acks, delivery) == 1 then return worker end
    end
  end
  return ""
end
for _, id in ipairs(ARGV) do reply[#reply + 1] = holder(id) end
return reply
