-- One page of the jobs in a state, each id followed by its record.
-- ARGV: state, first, last, "REV" for the newest first or "".

local range = { "ZRANGE", ledger .. ARGV[1], ARGV[2], ARGV[3] }
if ARGV[4] ~= "" then range[5] = ARGV[4] end
local page = {}
for _, id in ipairs(redis.call(unpack(range))) do
  page[#page + 1] = id
  page[#page + 1] = redis.call("HGET", ledger .. "jobs", id) or ""
end
return page
