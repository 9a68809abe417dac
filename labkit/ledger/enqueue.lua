-- Enqueue one message or many: all of them or, when Redis refuses, none.
-- ARGV: groups as `deliver` takes them.

local i = 1
while i <= #ARGV do i = deliver(i) end
