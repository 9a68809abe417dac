-- A worker is done with a delivery: acknowledge it or make it a dead letter, put into their queues
-- what its hooks enqueued (its own retry, the next of a pipeline, callbacks), and write the record,
-- all in one step.
-- ARGV: worker, queue, delivery, job id, "ack" or "nack", final state or "" (no record to write),
--       line of the attempt or "", payload of the dead letter or "" (as it was fetched),
--       records to keep, oldest to keep, worker's own time; then seven values a message, as in
--       enqueue.lua.
-- Returns 1, or 0 when the delivery was not (or no longer) this worker's: then nothing changes.

local worker, queue, delivery, id, verdict, state = unpack(ARGV, 1, 6)
local attempt, dead_payload, most, oldest, worker_time = unpack(ARGV, 7, 11)
local messages = ns .. ":" .. queue .. ".msgs"

redis.call("ZADD", ns .. ":__heartbeats__", worker_time, worker)
if redis.call("SREM", ns .. ":__acks__." .. worker .. "." .. queue, delivery) == 0 then return 0 end

if verdict == "nack" then
  local payload = dead_payload ~= "" and dead_payload or redis.call("HGET", messages, delivery)
  if payload then
    local dead = ns .. ":" .. string.gsub(queue, "%.DQ$", "") .. ".XQ"
    redis.call("ZADD", dead, worker_time, delivery)
    redis.call("HSET", dead .. ".msgs", delivery, payload)
  end
end
redis.call("HDEL", messages, delivery)

local job = state ~= "" and load(id)
if job and attempt ~= "" then
  job.rest = job.rest .. "\n" .. attempt
  save(job)
end

for i = 12, #ARGV, 7 do
  deliver(ARGV[i], ARGV[i + 1], ARGV[i + 2], ARGV[i + 3], ARGV[i + 4], ARGV[i + 5], ARGV[i + 6])
end

-- A retry is a newer delivery of the same job, and its state stands.
job = state ~= "" and load(id)
if job and job.delivery == suffix_of(delivery) then
  job.finished = now
  enter(job, state)
  prune(state, tonumber(most), oldest)
end
return 1
