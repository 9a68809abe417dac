-- Is there anything that the records may not tell? Counts alone, whatever the number of jobs.
-- ARGV: ms of silence after which a worker no longer counts, then names of queues.
-- Returns the messages that Dramatiq has, the records that should stand for them, and "1" when a worker
-- without a card (a stock one) has shown life.

local messages, records = 0, 0
for i = 2, #ARGV do
  for _, place in ipairs({ "", ".DQ", ".XQ" }) do
    messages = messages + redis.call("HLEN", ns .. ":" .. ARGV[i] .. place .. ".msgs")
  end
end
for _, state in ipairs({ "scheduled", "enqueued", "running", "retrying", "dead" }) do
  records = records + redis.call("ZCARD", ledger .. state)
end
local stock = ""
for _, worker in ipairs(redis.call("ZRANGEBYSCORE", heartbeats, millis - ARGV[1], "+inf")) do
  if redis.call("HEXISTS", ledger .. "workers", worker) == 0 then stock = "1" end
end
return { messages, records, stock }
