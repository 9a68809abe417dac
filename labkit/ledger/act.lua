-- Somebody acts on jobs: run now, cancel, reschedule, retry dead ones, delete finished ones. Each job is
-- done as a whole, or left as it is.
-- ARGV: verb, the state that a job must be in or "", for "reschedule" the ETA in ms or "-"; then the ids,
-- where a message changes each with a delivery behind it, as `deliver` takes it: the new one of a dead job,
-- the same one of a job that waits for its time, with the message as it is to be from now on; or none.
-- Returns for each job "done"; "taken" when a worker has it; "unknown"; or the state that the verb does
-- not fit.

local verb, wanted, eta = ARGV[1], ARGV[2], ARGV[3]
local carries = verb == "retry" or verb == "run_now" or verb == "reschedule"
pass_memory_limit() -- to cancel and to delete is what gives memory back

-- `new` is where in ARGV the job's delivery stands.
local function act(id, new)
  local job = load(id)
  local queue = job and queue_of(job)
  if not queue then return "unknown" end
  local state = job.state
  if wanted ~= "" and state ~= wanted then return state end
  local ready, delayed, dead = ns .. ":" .. queue, ns .. ":" .. queue .. ".DQ", ns .. ":" .. queue .. ".XQ"
  local waits = state == "scheduled" or state == "retrying"
  local place = waits and delayed or state == "dead" and dead or ready
  local is_stock = redis.call("HEXISTS", place .. ".msgs", job.delivery) == 1
  local delivery = is_stock and job.delivery or id .. "#" .. job.delivery

  -- Out of the delayed queue, wherever it waits there; false when stock Dramatiq holds it in memory.
  local function take_delayed()
    if redis.call("ZREM", due_set(queue), delivery) == 0 and not pull(delayed, delivery) then return false end
    if carries and ARGV[new + 3] == "1" and ARGV[new + 4] == delivery then
      redis.call("HSET", delayed .. ".msgs", delivery, ARGV[new + 5])
    end
    return true
  end
  local function bury_no_more()
    redis.call("ZREM", dead, delivery)
    redis.call("HDEL", dead .. ".msgs", delivery)
  end

  if waits and (verb == "run_now" or (verb == "retry" and state == "retrying")) then
    if not take_delayed() then return "taken" end
    promote(queue, delivery)
    if is_stock then enter(job, "enqueued") end -- whose job a stock delivery is, its name does not say
  elseif waits and verb == "reschedule" then
    if not take_delayed() then return "taken" end
    job.eta = eta
    enter(job, state, eta)
    -- Into the list and not into the due set: that wakes a promoter that sleeps until a later ETA.
    redis.call("RPUSH", delayed, delivery)
  elseif verb == "cancel" and (waits or state == "enqueued") then
    if waits and not take_delayed() or not waits and not pull(ready, delivery) then return "taken" end
    redis.call("HDEL", place .. ".msgs", delivery)
    redis.call("HDEL", recovered, delivery)
    job.finished = now
    enter(job, "cancelled")
  elseif verb == "retry" and state == "dead" then
    if ARGV[new + 3] == "0" then return "unknown" end
    bury_no_more()
    deliver(new)
  elseif verb == "delete" and (state == "dead" or state == "completed" or state == "cancelled") then
    bury_no_more()
    redis.call("ZREM", ledger .. state, id)
    redis.call("HDEL", ledger .. "jobs", id)
    announce(id, state, "")
  elseif state == "running" or (state == "enqueued" and verb ~= "retry") then
    return "taken"
  else
    return state
  end
  return "done"
end

local outcomes, i = {}, 4
while i <= #ARGV do
  outcomes[#outcomes + 1] = act(ARGV[i], i + 1)
  i = i + (carries and 5 + 3 * ARGV[i + 4] or 1)
end
fill_holes()
return outcomes
