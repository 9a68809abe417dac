-- Behind every script: how many jobs came into which state in this minute. It is a ring of one day;
-- the slot of this minute yesterday is taken over.

local minute = math.floor(clock[1] / 60)
for state, count in pairs(counted) do
  local slot = state .. "." .. minute % 1440
  local of, before = string.match(redis.call("HGET", ledger .. "minutes", slot) or "", "^(%d+) (%d+)$")
  if of ~= tostring(minute) then before = 0 end
  redis.call("HSET", ledger .. "minutes", slot, minute .. " " .. before + count)
end
