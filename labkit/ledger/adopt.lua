-- Record what a stock producer or worker put into Dramatiq's own keys; a delayed delivery is also
-- taken into its due set, where a labkit worker promotes it.
-- ARGV: queue (without .DQ), then six values for each delivery: its name, job id, what was sent, when
-- (ms), state (scheduled, retrying, enqueued or dead), ETA in ms or "-".
-- A delivery that is gone by now, or is in the record, changes nothing.

local queue = ARGV[1]
local suffixes = { scheduled = ".DQ", retrying = ".DQ", enqueued = "", dead = ".XQ" }

for i = 2, #ARGV, 6 do
  local delivery, id, sent, enqueued, state, eta = unpack(ARGV, i, i + 5)
  local place = ns .. ":" .. queue .. suffixes[state]
  if redis.call("HEXISTS", place .. ".msgs", delivery) == 1 then
    local job = load(id) or new_job(id, "", sent, enqueued)
    if job.delivery ~= suffix_of(delivery) or job.state ~= state then
      local is_running = job.state == "running" and job.delivery == suffix_of(delivery)
      if not is_running then
        job.delivery, job.eta = suffix_of(delivery), eta
        job.started, job.finished, job.worker = "-", "-", "-"
        enter(job, state, eta ~= "-" and eta or nil)
      end
    end
    redis.call("SADD", ledger .. "queues", queue)
    if eta ~= "-" and redis.call("LREM", place, 1, delivery) > 0 then
      redis.call("ZADD", due_set(queue), eta, delivery)
    end
  elseif suffixes[state] == ".DQ" then
    redis.call("LREM", place, 1, delivery)
  end
end
