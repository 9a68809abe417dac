-- Somebody acts on one job: run now, cancel, reschedule, retry a dead one, delete a finished one.
-- ARGV: verb, job id, queue, then for "reschedule" the ETA in ms; for "retry" its new delivery, as
-- `deliver` takes it.
-- Returns "done"; "taken" when a worker has the job; "unknown"; or "not", with the state, where the
-- verb does not fit.

local verb, id, queue = ARGV[1], ARGV[2], ARGV[3]
local job = load(id)
if not job then return { "unknown" } end
local ready, delayed, dead = ns .. ":" .. queue, ns .. ":" .. queue .. ".DQ", ns .. ":" .. queue .. ".XQ"
local delivery = id .. "#" .. job.delivery
for _, place in ipairs({ ready, delayed, dead }) do
  if redis.call("HEXISTS", place .. ".msgs", job.delivery) == 1 then delivery = job.delivery end
end

-- Out of the delayed queue, wherever it waits there; false when stock Dramatiq holds it in memory.
local function take_delayed()
  return redis.call("ZREM", due_set(queue), delivery) + redis.call("LREM", delayed, 1, delivery) > 0
end

local function finish(state)
  job.finished = now
  enter(job, state)
  return { "done" }
end

local waits = job.state == "scheduled" or job.state == "retrying"
if verb == "run_now" and waits then
  if not take_delayed() then return { "taken" } end
  promote(queue, delivery)
  return { "done" }
elseif verb == "reschedule" and waits then
  if not take_delayed() then return { "taken" } end
  job.eta = ARGV[4]
  enter(job, job.state, job.eta)
  -- Into the list and not into the due set: that wakes a promoter that sleeps until a later ETA.
  redis.call("RPUSH", delayed, delivery)
  return { "done" }
elseif verb == "cancel" and waits then
  if not take_delayed() then return { "taken" } end
  redis.call("HDEL", delayed .. ".msgs", delivery)
  return finish("cancelled")
elseif verb == "cancel" and job.state == "enqueued" then
  if redis.call("LREM", ready, 1, delivery) == 0 then return { "taken" } end
  redis.call("HDEL", ready .. ".msgs", delivery)
  redis.call("HDEL", recovered, delivery)
  return finish("cancelled")
elseif verb == "retry" and job.state == "dead" then
  redis.call("ZREM", dead, delivery)
  redis.call("HDEL", dead .. ".msgs", delivery)
  deliver(4)
  return { "done" }
elseif verb == "delete" and (job.state == "dead" or job.state == "completed" or job.state == "cancelled") then
  redis.call("ZREM", dead, delivery)
  redis.call("HDEL", dead .. ".msgs", delivery)
  redis.call("ZREM", ledger .. job.state, id)
  redis.call("HDEL", ledger .. "jobs", id)
  announce(id, job.state, "")
  return { "done" }
elseif job.state == "running" or (job.state == "enqueued" and verb ~= "retry") then
  return { "taken" }
end
return { "not", job.state }
