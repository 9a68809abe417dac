-- One step through the jobs of a state, behind the one at which the last step ended.
-- ARGV: state, how many to look at, score and id of that job ("" to begin), the last moment (ms) at which a
-- job came into the state, or "+inf"; queue and actor, in JSON, or "".
-- Returns how many were looked at, score and id of the last, and then the ids that match.

local key, most, score, last = ledger .. ARGV[1], tonumber(ARGV[2]), ARGV[3], ARGV[4]
local before, queue, actor = tonumber(ARGV[5]) or math.huge, ARGV[6], ARGV[7]
local is_by_eta = ARGV[1] == "scheduled" or ARGV[1] == "retrying"

local first = 0
if last ~= "" then
  local rank = redis.call("ZRANK", key, last)
  -- It has left, or moved: those of its own moment are looked at again.
  local is_there = rank and redis.call("ZSCORE", key, last) == score
  first = is_there and rank + 1 or redis.call("ZCOUNT", key, "-inf", "(" .. score)
end

local function fits(id)
  if queue == "" and actor == "" and not (is_by_eta and before < math.huge) then return true end
  local job = load(id)
  if not job or (is_by_eta and tonumber(job.enqueued) > before) then return false end
  -- A record's line of what was sent begins with the names of the queue and of the actor.
  local _, stop = string.find(job.rest, '^\n{"queue_name":"[^"]*"')
  if not stop then return false end
  local name = string.gsub(string.sub(job.rest, 16, stop), '%.DQ"$', '"')
  return (queue == "" or name == queue)
    and (actor == "" or string.sub(job.rest, stop + 1, stop + 14 + #actor) == ',"actor_name":' .. actor)
end

local members = redis.call("ZRANGE", key, first, first + most - 1, "WITHSCORES")
local reply = { 0, score, last }
for i = 1, #members, 2 do
  if not is_by_eta and tonumber(members[i + 1]) > before then break end
  reply[1], reply[2], reply[3] = reply[1] + 1, members[i + 1], members[i]
  if fits(members[i]) then reply[#reply + 1] = members[i] end
end
return reply
