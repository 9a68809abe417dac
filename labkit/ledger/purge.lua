-- Drop every message of one queue (Dramatiq's own list and hash); the jobs become cancelled.
-- ARGV: worker, queue.

local queue = ns .. ":" .. ARGV[2]
for _, messages in ipairs({ queue .. ".msgs", queue .. ".XQ.msgs" }) do
  for _, delivery in ipairs(redis.call("HKEYS", messages)) do
    local job = load(string.match(delivery, "^(.*)#") or delivery)
    if job and job.delivery == suffix_of(delivery) and job.state ~= "completed" then
      job.finished = now
      enter(job, "cancelled")
    end
  end
end
redis.call("DEL", queue, queue .. ".msgs", queue .. ".XQ", queue .. ".XQ.msgs",
  ns .. ":__acks__." .. ARGV[1] .. "." .. ARGV[2])
