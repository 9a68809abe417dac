-- Taking deliveries out of lists: what the scripts that act on jobs share.

-- Jobs that are acted on together mostly stand side by side in a list, maybe far behind its head. The
-- first is searched for, its next two hundred neighbours are then known; each leaves a hole, and all holes
-- go at once.
local places, holes = {}, {}
local function pull(list, delivery)
  local known = places[list]
  if not (known and known[delivery]) then
    local first = redis.call("LPOS", list, delivery)
    if not first then return false end
    known = {}
    for i, name in ipairs(redis.call("LRANGE", list, first, first + 200)) do
      known[name] = first + i - 1
    end
    places[list] = known
  end
  redis.call("LSET", list, known[delivery], "")
  known[delivery] = nil
  holes[list] = (holes[list] or 0) + 1
  return true
end

local function fill_holes()
  for list, count in pairs(holes) do redis.call("LREM", list, count, "") end
end
