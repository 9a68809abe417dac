-- Behind every script: what it counted (jobs that came into a state, and how long they waited for their
-- start) goes into the hash of this minute, which Redis forgets a day later. The first of a kind in a
-- minute makes its queue known.

local minute = ledger .. "minute." .. math.floor(clock[1] / 60)
for tally, count in pairs(counted) do
  if redis.call("HINCRBY", minute, tally, count) == count then
    redis.call("EXPIRE", minute, 86400)
    redis.call("SADD", ledger .. "queues", (string.match(tally, "^([^/]*)")))
  end
end
