-- Record what a stock producer or worker put into Dramatiq's own keys.
-- ARGV: queue (without .DQ); "take" to have delayed deliveries taken into their due set, which only a
-- worker may say that promotes them, else ""; then seven values for each delivery: its name, job id, what
-- was sent, when (ms), state (scheduled, retrying, enqueued or dead), ETA in ms or "-", and the line of
-- its last failed attempt or "".
-- A delivery that is gone by now, or is in the record, changes nothing.

local queue, takes = ARGV[1], ARGV[2] == "take"
local suffixes = { scheduled = ".DQ", retrying = ".DQ", enqueued = "", dead = ".XQ" }

for i = 3, #ARGV, 7 do
  local delivery, id, sent, enqueued, state, eta, attempt = unpack(ARGV, i, i + 6)
  local place = ns .. ":" .. queue .. suffixes[state]
  if redis.call("HEXISTS", place .. ".msgs", delivery) == 1 then
    local job = load(id) or new_job(id, "", sent, enqueued)
    if job.delivery ~= suffix_of(delivery) or job.state ~= state then
      local is_running = job.state == "running" and job.delivery == suffix_of(delivery)
      if not is_running then
        job.delivery, job.eta = suffix_of(delivery), eta
        job.started, job.finished, job.worker = "-", "-", "-"
        if attempt ~= "" and not string.find(job.rest, attempt, 1, true) then
          job.rest = job.rest .. "\n" .. attempt
        end
        enter(job, state, eta ~= "-" and eta or nil)
      end
    end
    redis.call("SADD", ledger .. "queues", queue)
    if takes and eta ~= "-" and redis.call("LREM", place, 1, delivery) > 0 then
      redis.call("ZADD", due_set(queue), eta, delivery)
    end
  elseif takes and suffixes[state] == ".DQ" then
    redis.call("LREM", place, 1, delivery)
  end
end
