-- A worker's thread is about to run the body of a job.
-- ARGV: delivery, job id, what was sent (for a job that a stock producer enqueued: it has no record
-- yet), time at which it was enqueued.
-- Returns 1, or 0 for a delivery that is no longer the job's current one: then nothing changes.

local delivery, id, sent, enqueued = ARGV[1], ARGV[2], ARGV[3], ARGV[4]
local suffix = suffix_of(delivery)
local job = load(id)
  or { id = id, delivery = suffix, enqueued = enqueued, eta = "-", finished = "-", starts = "0", rest = "\n" .. sent }
if job.delivery ~= suffix then return 0 end
job.started = now
job.starts = tostring(job.starts + 1)
enter(job, "running")
return 1
