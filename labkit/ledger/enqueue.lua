-- Enqueue one message or many: all of them or, when Redis refuses, none.
-- ARGV: seven values a message: queue, delivery, payload, job id, what was sent, state, ETA or "-".
-- Returns how many were new.

local new = 0
for i = 1, #ARGV, 7 do
  new = new + deliver(ARGV[i], ARGV[i + 1], ARGV[i + 2], ARGV[i + 3], ARGV[i + 4], ARGV[i + 5], ARGV[i + 6])
end
return new
