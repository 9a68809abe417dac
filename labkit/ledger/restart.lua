-- A delivery that was taken back from a dead worker is about to run again. This start is written
-- before the body runs, and counted, so that a job which kills its worker can be told from the jobs
-- that merely waited beside it.
-- ARGV: delivery.
-- Returns how often the delivery has been started so, this time included.

pass_memory_limit()
return redis.call("HINCRBY", recovered, ARGV[1], 1)
