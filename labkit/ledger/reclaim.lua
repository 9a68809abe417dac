-- A consumer begins (again): what its worker's acks hold and the worker does not know of came with a
-- reply that was lost. It goes back to its queue.
-- ARGV: worker, queue, then the deliveries that the worker knows of.

local acks = ns .. ":__acks__." .. ARGV[1] .. "." .. ARGV[2]
pass_memory_limit()
-- From now on a ledger is kept here, also while there is no job yet.
redis.call("SADD", ledger .. "queues", (string.gsub(ARGV[2], "%.DQ$", "")))
local known = {}
for i = 3, #ARGV do known[ARGV[i]] = true end
for _, delivery in ipairs(redis.call("SMEMBERS", acks)) do
  if not known[delivery] then
    redis.call("SREM", acks, delivery)
    if redis.call("HEXISTS", ns .. ":" .. ARGV[2] .. ".msgs", delivery) == 1 then
      redis.call("RPUSH", ns .. ":" .. ARGV[2], delivery)
    end
  end
end
