-- The labkit workers that have lately shown life, each followed by its card, and by 1 when it is to be
-- quiet, else 0.
-- ARGV: ms of silence after which a worker no longer counts.

local living = {}
for _, worker in ipairs(redis.call("ZRANGEBYSCORE", heartbeats, millis - ARGV[1], "+inf")) do
  local card = redis.call("HGET", ledger .. "workers", worker)
  if card then
    living[#living + 1] = worker
    living[#living + 1] = card
    living[#living + 1] = redis.call("SISMEMBER", ledger .. "quiet", worker)
  end
end
return living
