-- Behind every script: how many jobs came into which state of which queue in this minute. The first of
-- a minute makes the queue known, and sees to it that no more than the last day is kept.

local minute = math.floor(clock[1] / 60)
for tally, count in pairs(counted) do
  if redis.call("HINCRBY", ledger .. "minutes", tally .. "/" .. minute, count) == count then
    local queues = ledger .. "queues"
    redis.call("SADD", queues, (string.match(tally, "^([^/]*)")))
    if redis.call("HLEN", ledger .. "minutes") > 2 * 7 * 1440 * redis.call("SCARD", queues) then
      for _, field in ipairs(redis.call("HKEYS", ledger .. "minutes")) do
        if tonumber(string.match(field, "%d+$")) < minute - 1440 then
          redis.call("HDEL", ledger .. "minutes", field)
        end
      end
    end
  end
end
