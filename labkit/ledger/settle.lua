-- A worker is done with deliveries: acknowledge each or make it a dead letter, put into their queues
-- what its hooks enqueued (its own retry, the next of a pipeline, callbacks), and write the record,
-- all in one step.
-- ARGV: worker, its name to people, records to keep, ms to keep them; then for each delivery nine values: queue, delivery,
--   job id, "ack" or "nack", final state, the end of its attempt's line when it failed or "", ms since the body
--   began or "-", payload of the dead letter or "" (as it was fetched), how many ARGV follow for
--   messages; and these, in groups as `deliver` takes them.
-- Returns for each delivery 1, or 0 when it was not (or no longer) this worker's: then nothing changed.

local worker, name, most, oldest = ARGV[1], ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[4])
pass_memory_limit()
redis.call("ZADD", heartbeats, now, worker)

local function bury(queue, delivery, payload)
  local dead = ns .. ":" .. string.gsub(queue, "%.DQ$", "") .. ".XQ"
  redis.call("ZADD", dead, now, delivery)
  redis.call("HSET", dead .. ".msgs", delivery, payload)
end

local function settle(queue, delivery, id, verdict, state, attempt, ago, dead_payload, held)
  if redis.call("SREM", ns .. ":__acks__." .. worker .. "." .. queue, delivery) == 0 then return 0 end
  local messages = ns .. ":" .. queue .. ".msgs"
  if verdict == "nack" then
    local payload = dead_payload ~= "" and dead_payload or redis.call("HGET", messages, delivery)
    if payload then bury(queue, delivery, payload) end
  end
  redis.call("HDEL", messages, delivery)
  redis.call("HDEL", recovered, delivery)

  local job = load(id)
  local suffix = suffix_of(delivery)
  if not job then return nil, suffix end
  local started = ago ~= "-" and string.format("%.0f", millis - ago) or "-"
  local is_current = job.delivery == suffix
  if is_current and started ~= "-" and job.state == "enqueued" then count_wait(job, started) end
  if is_current then job.started, job.finished, job.worker = started, now, name end
  if attempt ~= "" then
    add_attempt(job, suffix, started, now, attempt)
  elseif not is_current and started ~= "-" then
    add_attempt(job, suffix, started, now, '"worker":"' .. name .. '"}')
  end
  if held > 0 or not is_current then save(job) end
  return job, suffix
end

local settled = {}
local i = 5
while i <= #ARGV do
  local held = tonumber(ARGV[i + 8])
  local job, suffix = settle(ARGV[i], ARGV[i + 1], ARGV[i + 2], ARGV[i + 3], ARGV[i + 4], ARGV[i + 5],
    ARGV[i + 6], ARGV[i + 7], held)
  local state, id = ARGV[i + 4], ARGV[i + 2]
  i = i + 9
  local past = i + held
  if job ~= 0 then
    while i < past do i = deliver(i) end
    -- A retry among them is a newer delivery of the same job, and its state stands.
    if held > 0 then job = load(id) end
    if job and job.delivery == suffix then
      enter(job, state)
      prune(state, most, oldest)
    end
  end
  i = past
  settled[#settled + 1] = job == 0 and 0 or 1
end
return settled
