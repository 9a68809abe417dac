-- Take back what a dead worker held: each delivery goes to the end of its queue, marked, so that its
-- next start is counted (restart.lua).
-- ARGV: the dead worker, ms of silence that it must still have, then the queues it may have held.
-- Returns how many deliveries went back; -1 when the worker has shown life meanwhile.

local worker = ARGV[1]
local last = redis.call("ZSCORE", heartbeats, worker)
if last and tonumber(last) > millis - ARGV[2] then return -1 end

pass_memory_limit()
local function take_back(queue, delivery)
  if redis.call("HEXISTS", ns .. ":" .. queue .. ".msgs", delivery) == 0 then return 0 end
  redis.call("RPUSH", ns .. ":" .. queue, delivery)
  redis.call("HSETNX", recovered, delivery, 0)
  local job = job_of(delivery)
  if not job then return 1 end
  job.lost = string.format("%d", job.lost + 1)
  if job.state == "running" then
    local name = job.worker ~= "-" and job.worker or worker
    add_attempt(job, job.delivery, job.started, now,
      '"worker":"' .. name .. '","error":"WorkerLost: the worker died while it ran this job"}')
    job.worker = "-"
    job.started = "-"
    enter(job, "enqueued")
  else
    save(job)
  end
  return 1
end

local taken = 0
for i = 3, #ARGV do
  local acks = ns .. ":__acks__." .. worker .. "." .. ARGV[i]
  for _, delivery in ipairs(redis.call("SMEMBERS", acks)) do
    taken = taken + take_back(ARGV[i], delivery)
  end
  redis.call("DEL", acks)
end
redis.call("ZREM", heartbeats, worker)
redis.call("HDEL", ledger .. "workers", worker)
redis.call("SREM", ledger .. "quiet", worker)
return taken
