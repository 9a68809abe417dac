-- Worker threads have begun the bodies of these deliveries.
-- ARGV: the worker's name to people; then five values each: delivery, job id, what was sent and when (for a job that a stock producer
-- enqueued: it has no record yet), how many ms ago the body began.
-- An old delivery, or one that is settled by now, changes nothing.

pass_memory_limit()
for i = 2, #ARGV, 5 do
  local delivery, id, sent, enqueued, ago = unpack(ARGV, i, i + 4)
  local suffix = suffix_of(delivery)
  local job = load(id) or new_job(id, suffix, sent, enqueued)
  if job.delivery == suffix and (not job.state or job.state == "enqueued") then
    job.started = string.format("%.0f", millis - ago)
    job.worker = ARGV[1]
    count_wait(job, job.started)
    enter(job, "running")
  end
end
