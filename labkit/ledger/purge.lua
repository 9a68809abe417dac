-- Drop every message of one queue (Dramatiq's own keys, and the due set); the jobs become cancelled.
-- ARGV: worker, queue.

local queue = ns .. ":" .. ARGV[2]
for _, messages in ipairs({ queue .. ".msgs", queue .. ".XQ.msgs" }) do
  for _, delivery in ipairs(redis.call("HKEYS", messages)) do
    local job = job_of(delivery)
    if job and job.state ~= "completed" then
      job.finished = now
      enter(job, "cancelled")
    end
  end
end
redis.call("DEL", queue, queue .. ".msgs", queue .. ".XQ", queue .. ".XQ.msgs",
  ns .. ":__acks__." .. ARGV[1] .. "." .. ARGV[2])
if string.sub(ARGV[2], -3) == ".DQ" then
  redis.call("DEL", due_set(string.sub(ARGV[2], 1, -4)))
end
