-- The messages of jobs that wait for their time, or are dead. ARGV: ids.
-- Returns for each its queue, its payload, and, of one that waits, the name of its delivery; all "" for a
-- job in another state, and no payload of one whose letter has expired.

local suffixes = { scheduled = ".DQ", retrying = ".DQ", dead = ".XQ" }
local reply = {}
for _, id in ipairs(ARGV) do
  local job = load(id)
  local suffix = job and suffixes[job.state]
  local queue = suffix and queue_of(job)
  local found = { "", "", "" }
  if queue then
    found[1] = queue
    for _, delivery in ipairs({ id .. "#" .. job.delivery, job.delivery }) do
      local payload = redis.call("HGET", ns .. ":" .. queue .. suffix .. ".msgs", delivery)
      if payload then found[2], found[3] = payload, job.state == "dead" and "" or delivery end
    end
  end
  for _, part in ipairs(found) do reply[#reply + 1] = part end
end
return reply
