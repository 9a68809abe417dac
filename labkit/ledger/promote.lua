-- Take in what was sent with a delay, and move what is due into the queue that workers fetch from.
-- ARGV: worker, queue (without .DQ), how many at most of each.
-- Returns how many were promoted, the ms until the next is due ("" for none), and then, flat, the
-- deliveries without a record and their payloads: a stock producer's. They stay where they are until
-- adopt.lua brings their ETA, for a payload is not Lua's to read.

local worker, queue, most = ARGV[1], ARGV[2], tonumber(ARGV[3])
pass_memory_limit()
redis.call("ZADD", heartbeats, now, worker)
local due = due_set(queue)

local foreign = {}
for _, delivery in ipairs(redis.call("LPOP", ns .. ":" .. queue .. ".DQ", most) or {}) do
  local job = job_of(delivery)
  if job and job.eta ~= "-" then
    redis.call("ZADD", due, job.eta, delivery)
  else
    foreign[#foreign + 1] = delivery
  end
end
local reply = { 0, "" }
if #foreign > 0 then
  redis.call("RPUSH", ns .. ":" .. queue .. ".DQ", unpack(foreign))
  local payloads = redis.call("HMGET", ns .. ":" .. queue .. ".DQ.msgs", unpack(foreign))
  for i, delivery in ipairs(foreign) do
    reply[#reply + 1] = delivery
    reply[#reply + 1] = payloads[i] or ""
  end
end

local ready = redis.call("ZRANGEBYSCORE", due, "-inf", now, "LIMIT", 0, most)
for _, delivery in ipairs(ready) do
  promote(queue, delivery)
end
if #ready > 0 then redis.call("ZREM", due, unpack(ready)) end
reply[1] = #ready

local next_due = redis.call("ZRANGE", due, 0, 0, "WITHSCORES")
if next_due[2] then reply[2] = string.format("%.0f", math.max(0, next_due[2] - millis)) end
return reply
