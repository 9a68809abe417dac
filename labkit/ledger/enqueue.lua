-- Enqueue one message or many: all of them or, when Redis refuses or too much waits, none.
-- ARGV: how many jobs may wait in the namespace, and how many bytes its messages may hold, 0 for no bound;
--   groups as `deliver` takes them.
-- Returns nothing; or how many jobs wait and how many bytes their messages hold, where one of them would be
-- more than may: then nothing is written.

local most, most_bytes, first = tonumber(ARGV[1]), tonumber(ARGV[2]), 3

-- Estimated by Redis itself, from a sample of each hash.
local function bytes_held()
  local bytes = 0
  for _, queue in ipairs(redis.call("SMEMBERS", ledger .. "queues")) do
    for _, kind in ipairs({ ".msgs", ".DQ.msgs", ".XQ.msgs" }) do
      bytes = bytes + (redis.call("MEMORY", "USAGE", ns .. ":" .. queue .. kind) or 0)
    end
  end
  return bytes
end

if most > 0 or most_bytes > 0 then
  local waiting, more, bytes, i = 0, 0, most_bytes > 0 and bytes_held() or 0, first
  for _, state in ipairs({ "scheduled", "enqueued", "retrying" }) do
    waiting = waiting + redis.call("ZCARD", ledger .. state)
  end
  local held = bytes
  while i <= #ARGV do
    local last = i + 3 + 3 * ARGV[i + 3]
    for j = i + 4, last, 3 do
      local id, suffix = string.match(ARGV[j], "^(.*)#([^#]*)$")
      if not has_had(load(id), suffix) then more, bytes = more + 1, bytes + #ARGV[j + 1] end
    end
    i = last + 1
  end
  local is_over = (most > 0 and waiting + more > most) or (most_bytes > 0 and bytes > most_bytes)
  if more > 0 and is_over then return { waiting, held } end
end
while first <= #ARGV do first = deliver(first) end
