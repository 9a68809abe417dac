-- The dead letters of jobs. ARGV: ids.
-- Returns for each its queue and its payload; both "" for a job that is not dead, and the payload of one
-- whose letter has expired.

local reply = {}
for _, id in ipairs(ARGV) do
  local job = load(id)
  local queue = job and job.state == "dead" and queue_of(job)
  local letters = ns .. ":" .. (queue or "") .. ".XQ.msgs"
  reply[#reply + 1] = queue or ""
  reply[#reply + 1] = queue and (redis.call("HGET", letters, id .. "#" .. job.delivery)
    or redis.call("HGET", letters, job.delivery)) or ""
end
return reply
