-- One page of the records of a state, and those of them of which Dramatiq's own keys hold nothing any more.
-- ARGV: state, first and last of the page. Returns how many records there were, then their ids.

local ids = redis.call("ZRANGE", ledger .. ARGV[1], ARGV[2], ARGV[3])
local reply = { #ids }
local function is_there(job, queue)
  for _, place in ipairs({ "", ".DQ", ".XQ" }) do
    local messages = ns .. ":" .. queue .. place .. ".msgs"
    if redis.call("HEXISTS", messages, job.id .. "#" .. job.delivery) == 1
      or redis.call("HEXISTS", messages, job.delivery) == 1 then return true end
  end
  return false
end
for _, id in ipairs(ids) do
  local job = load(id)
  local queue = job and queue_of(job)
  if queue and job.state == ARGV[1] and not is_there(job, queue) then reply[#reply + 1] = id end
end
return reply
