-- Hand deliveries of one queue to a worker; until it settles them they stand in its acks.
-- ARGV: worker, queue, how many at most.
-- Returns flat triples: delivery, payload (nil when somebody removed it), and "1" for a delivery that
-- was taken back from a worker that died. For a worker that is to be quiet: that word alone.

local worker, queue = ARGV[1], ARGV[2]
pass_memory_limit()
redis.call("ZADD", heartbeats, now, worker)
if redis.call("SISMEMBER", ledger .. "quiet", worker) == 1 then return { "quiet" } end
local fetched = redis.call("LPOP", ns .. ":" .. queue, ARGV[3])
if not fetched then return {} end

redis.call("SADD", ns .. ":__acks__." .. worker .. "." .. queue, unpack(fetched))
local payloads = redis.call("HMGET", ns .. ":" .. queue .. ".msgs", unpack(fetched))
local back = redis.call("EXISTS", recovered) == 1 and redis.call("HMGET", recovered, unpack(fetched))
local reply = {}
for i, delivery in ipairs(fetched) do
  reply[#reply + 1] = delivery
  reply[#reply + 1] = payloads[i]
  reply[#reply + 1] = back and back[i] and "1" or ""
end
return reply
