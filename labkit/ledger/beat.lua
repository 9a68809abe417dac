-- A worker's sign of life. Returns the workers from which none has come for a while.
-- ARGV: worker, ms after which a labkit worker is suspect, ms after which any worker is dead, its card.
-- Returns 1 when it is to be quiet, else 0; then flat triples: worker, its card or "" for a stock worker,
-- and "1" for one that is dead by the second time.

pass_memory_limit()
redis.call("ZADD", heartbeats, now, ARGV[1])
redis.call("HSET", ledger .. "workers", ARGV[1], ARGV[4])
local reply = { redis.call("SISMEMBER", ledger .. "quiet", ARGV[1]) }
-- The clock has been set back: who beat before that would count as alive until it is there again.
for _, worker in ipairs(redis.call("ZRANGEBYSCORE", heartbeats, "(" .. now, "+inf")) do
  redis.call("ZADD", heartbeats, now, worker)
end
local silent = redis.call("ZRANGEBYSCORE", heartbeats, "-inf", millis - ARGV[2], "WITHSCORES")
for i = 1, #silent, 2 do
  local card = redis.call("HGET", ledger .. "workers", silent[i])
  if card or tonumber(silent[i + 1]) <= millis - ARGV[3] then
    reply[#reply + 1] = silent[i]
    reply[#reply + 1] = card or ""
    reply[#reply + 1] = tonumber(silent[i + 1]) <= millis - ARGV[3] and "1" or ""
  end
end
return reply
