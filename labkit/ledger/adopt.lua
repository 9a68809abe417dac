-- Record what a stock producer enqueued; a delayed one is also taken into its due set.
-- ARGV: queue (without .DQ), then five values for each delivery: its name, job id, what was sent, when
-- (ms), ETA in ms or "-" for one that is not delayed.
-- A delivery that is gone by now, or whose job has a record, changes nothing.

local queue = ARGV[1]
for i = 2, #ARGV, 5 do
  local delivery, id, sent, enqueued, eta = unpack(ARGV, i, i + 4)
  local place = ns .. ":" .. queue .. (eta ~= "-" and ".DQ" or "")
  if redis.call("HEXISTS", place .. ".msgs", delivery) == 1 then
    local job = load(id)
    local is_newer = job and job.delivery ~= suffix_of(delivery)
      and redis.call("HEXISTS", place .. ".msgs", id .. "#" .. job.delivery) == 0
    if not job or is_newer then
      job = job or new_job(id, "-", sent, enqueued)
      job.delivery, job.eta, job.started, job.finished = suffix_of(delivery), eta, "-", "-"
      enter(job, eta ~= "-" and "scheduled" or "enqueued", eta ~= "-" and eta or nil)
    end
    if eta ~= "-" and redis.call("LREM", place, 1, delivery) > 0 then
      redis.call("ZADD", due_set(queue), eta, delivery)
    end
  elseif eta ~= "-" then
    redis.call("LREM", place, 1, delivery)
  end
end
