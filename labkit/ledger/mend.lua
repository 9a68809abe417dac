-- Hold one page of the records of a state against Dramatiq's own keys, and mend those that a stock
-- worker or stock maintenance has left behind.
-- ARGV: state, first and last of the page (in the order of their ids in the state's set).
-- Returns how many records there were, and how many were mended.

local state = ARGV[1]
local ids = redis.call("ZRANGE", ledger .. state, ARGV[2], ARGV[3])
local workers = redis.call("ZRANGE", heartbeats, 0, -1)

local function is_held(queue, delivery)
  for _, worker in ipairs(workers) do
    if redis.call("SISMEMBER", ns .. ":__acks__." .. worker .. "." .. queue, delivery) == 1 then
      return true
    end
  end
  return false
end

-- Where the keys have the job's current delivery: its queue, and the state that this means.
local function look(job, queue)
  for _, delivery in ipairs({ job.id .. "#" .. job.delivery, job.delivery }) do
    if redis.call("HEXISTS", ns .. ":" .. queue .. ".msgs", delivery) == 1 then
      return job.state == "running" and is_held(queue, delivery) and "running" or "enqueued"
    elseif redis.call("HEXISTS", ns .. ":" .. queue .. ".DQ.msgs", delivery) == 1 then
      return job.state == "retrying" and "retrying" or "scheduled"
    elseif redis.call("HEXISTS", ns .. ":" .. queue .. ".XQ.msgs", delivery) == 1 then
      return "dead"
    end
  end
  return nil
end

local mended = 0
for _, id in ipairs(ids) do
  local job = load(id)
  local queue = job and queue_of(job)
  if not queue then
    redis.call("ZREM", ledger .. state, id)
    mended = mended + 1
  elseif job.state ~= state then
    redis.call("ZREM", ledger .. state, id)
    mended = mended + 1
  else
    local truth = look(job, queue)
    if truth == nil and state == "dead" then -- its letter has expired
      redis.call("ZREM", ledger .. state, id)
      redis.call("HDEL", ledger .. "jobs", id)
      announce(id, state, "")
      mended = mended + 1
    elseif truth == nil then
      job.worker, job.started, job.finished = "elsewhere", "-", now
      enter(job, "completed")
      mended = mended + 1
    elseif truth ~= state then
      if truth == "enqueued" then job.started, job.worker = "-", "-" end
      enter(job, truth, truth == "scheduled" and job.eta ~= "-" and job.eta or nil)
      mended = mended + 1
    end
  end
end
return { #ids, mended }
