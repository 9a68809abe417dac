-- Somebody acts on jobs of an application in which no ledger is kept: each delivery is taken from where it
-- waits, and a new one put where the verb wants it. No key of a ledger is written.
-- ARGV: for each job where it is (a queue with .DQ or .XQ, or nothing), its delivery; where the new one goes
-- ("" for nowhere), its name and its payload.
-- Returns for each "done"; "taken" when a worker has it; or "unknown" when it is gone.

local function take(place, delivery)
  if string.sub(place, -3) == ".XQ" then return redis.call("ZREM", place, delivery) > 0 end
  return pull(place, delivery)
end

local outcomes = {}
for i = 1, #ARGV, 5 do
  local from, delivery, to, name, payload = unpack(ARGV, i, i + 4)
  local place = ns .. ":" .. from
  if redis.call("HEXISTS", place .. ".msgs", delivery) == 0 then
    outcomes[#outcomes + 1] = "unknown"
  elseif not take(place, delivery) then
    outcomes[#outcomes + 1] = "taken"
  else
    redis.call("HDEL", place .. ".msgs", delivery)
    if to ~= "" then
      redis.call("HSET", ns .. ":" .. to .. ".msgs", name, payload)
      redis.call("RPUSH", ns .. ":" .. to, name)
    end
    outcomes[#outcomes + 1] = "done"
  end
end
fill_holes()
return outcomes
