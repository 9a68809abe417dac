-- The last promoter of a queue closes: what waits in its due set goes back to Dramatiq's own list,
-- where a stock worker finds it.
-- ARGV: queue (without .DQ).

local due = due_set(ARGV[1])
while true do
  local waiting = redis.call("ZRANGE", due, 0, 999)
  if #waiting == 0 then break end
  redis.call("RPUSH", ns .. ":" .. ARGV[1] .. ".DQ", unpack(waiting))
  redis.call("ZREM", due, unpack(waiting))
end
