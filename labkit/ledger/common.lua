-- What every script of the ledger shares: a job's record, its state, and a delivery's way into a
-- queue. The layout stands in keys.py; the lines of a record in records.py. KEYS[1] is the
-- namespace, as in Dramatiq's own script: keys are built here, so this is not for Redis Cluster.

local ns = KEYS[1]
local ledger = ns .. ":__ledger__."
local heartbeats = ns .. ":__heartbeats__"
local recovered = ledger .. "recovered"
local clock = redis.call("TIME")
local millis = clock[1] * 1000 + math.floor(clock[2] / 1000)
-- The server's clock, for the hosts of several workers need not agree. "%.0f": a plain tostring
-- would give an exponent.
local now = string.format("%.0f", millis)

-- At its memory limit Redis refuses a script only while its first write is one that may need memory. A
-- worker's scripts begin with one that does not: what was accepted can always be finished.
local function pass_memory_limit() redis.call("HDEL", recovered, "") end

local states = { scheduled = 1, enqueued = 1, running = 1, retrying = 1, completed = 1, dead = 1, cancelled = 1 }
local function load(id)
  local raw = redis.call("HGET", ledger .. "jobs", id)
  if not raw then return nil end
  local job = { id = id }
  job.state, job.delivery, job.enqueued, job.eta, job.started, job.finished, job.lost, job.worker,
    job.rest = string.match(raw, "^(%l+) (%S+) (-?%d+) (-?%d*) (-?%d*) (-?%d*) (%d+) (%S+)(\n.*)$")
  -- A first line that somebody mangled counts as no record: the next write mends it.
  if not states[job.state or ""] or job.eta == "" or job.started == "" or job.finished == "" then return nil end
  return job
end

local function save(job)
  redis.call("HSET", ledger .. "jobs", job.id, table.concat(
    { job.state, job.delivery, job.enqueued, job.eta, job.started, job.finished, job.lost, job.worker },
    " ") .. job.rest)
end

-- A record's line of what was sent begins as the message does, with the name of its queue.
local function queue_of(job)
  local name = string.match(job.rest, '^\n{"queue_name":"([^"\\/]+)"')
  return name and (string.gsub(name, "%.DQ$", ""))
end

local function new_job(id, suffix, sent, enqueued)
  return {
    id = id, delivery = suffix, enqueued = enqueued or now, eta = "-", started = "-", finished = "-",
    lost = "0", worker = "-", rest = "\n" .. sent,
  }
end

-- How the line of an attempt names its delivery.
local function mark(suffix) return '"delivery":"' .. suffix .. '"' end

-- A line for an attempt of a delivery that ended; `more` is the rest of its JSON.
local function add_attempt(job, suffix, started, finished, more)
  job.rest = job.rest .. '\n{"started":' .. (started == "-" and "null" or started)
    .. ',"finished":' .. finished .. "," .. mark(suffix) .. "," .. more
  -- A job that is retried for ever keeps its last attempts only.
  if #job.rest > 65536 then job.rest = string.gsub(job.rest, "^(\n[^\n]*)\n[^\n]*", "%1", 1) end
end

-- Counted while a script runs, written when it ends (finish.lua).
local counted = {}
local function count(job, what)
  local tally = (queue_of(job) or "?") .. "/" .. what
  counted[tally] = (counted[tally] or 0) + 1
end

-- A job that was enqueued begins: the time from its ETA (or from when it was ready, where it had none, or
-- was let go earlier) to its start, in steps of half a power of two, which suffice for a median.
local function count_wait(job, started)
  local ready = redis.call("ZSCORE", ledger .. "enqueued", job.id) or job.enqueued
  local due = job.eta == "-" and ready or math.min(job.eta, ready)
  local wait = math.max(0, started - due)
  count(job, "waited/" .. (wait < 1 and 0 or math.floor(2 * math.log(wait) / math.log(2)) + 1))
end

local function announce(id, was, state)
  redis.call("XADD", ledger .. "events", "MAXLEN", "~", "10000", "*",
    "job", id, "was", was, "state", state)
end

-- Behind the millisecond stand the microseconds, and the order within a script: jobs that come into a
-- state together stay in the order in which they came.
local entered = 0
local function this_moment()
  entered = entered + 1
  return string.format("%.3f", millis + (clock[2] % 1000 + entered) / 1000)
end

-- Move a job into a state; `score` is its ETA where the state waits for one, else the time.
local function enter(job, state, score)
  local was = job.state or ""
  if was ~= "" and was ~= state then redis.call("ZREM", ledger .. was, job.id) end
  redis.call("ZADD", ledger .. state, score or this_moment(), job.id)
  job.state = state
  save(job)
  announce(job.id, was, state)
  if was ~= state then count(job, state) end
end

-- The part of a delivery's name behind the job's id; a stock delivery is its whole name.
local function suffix_of(delivery)
  return string.match(delivery, "#([^#]*)$") or delivery
end

-- The record of the job whose current delivery this is; nil for a stock delivery or an old one.
local function job_of(delivery)
  local id = string.match(delivery, "^(.*)#")
  local job = id and load(id)
  if job and job.delivery == suffix_of(delivery) then return job end
  return nil
end

-- Whether the job has had the delivery before: the reply to its sender was lost, and it is sent again.
local function has_had(job, suffix)
  return job and (job.delivery == suffix or string.find(job.rest, mark(suffix), 1, true))
end

-- Put deliveries into a queue, together with their jobs' records. ARGV from `i` on: queue, state, ETA or
-- "-", how many; then for each its name, its payload, and what was sent: text, or the length of the
-- payload's own beginning that says it. A repeat of the very same delivery (its first reply was lost)
-- changes nothing, even if that has failed meanwhile and the job is at its next. Returns where ARGV goes
-- on.
local function deliver(i)
  local queue, state, eta, count = unpack(ARGV, i, i + 3)
  local waiting, messages = { "RPUSH", ns .. ":" .. queue }, { "HSET", ns .. ":" .. queue .. ".msgs" }
  local first, last = i + 4, i + 3 + 3 * count
  for j = first, last, 3 do
    local delivery, payload, sent = ARGV[j], ARGV[j + 1], ARGV[j + 2]
    local id, suffix = string.match(delivery, "^(.*)#([^#]*)$")
    local job = load(id)
    if not has_had(job, suffix) then
      waiting[#waiting + 1] = delivery
      messages[#messages + 1] = delivery
      messages[#messages + 1] = payload
      local length = tonumber(sent)
      job = job or new_job(id, suffix, length and string.sub(payload, 1, length) .. "}" or sent)
      -- The attempt that went well stands in the first line, which begins anew.
      if job.state == "completed" and job.worker ~= "-" then
        add_attempt(job, job.delivery, job.started, job.finished, '"worker":"' .. job.worker .. '"}')
      end
      job.delivery, job.eta, job.started, job.finished, job.worker = suffix, eta, "-", "-", "-"
      enter(job, state, eta ~= "-" and eta or nil)
    end
  end
  if #waiting > 2 then
    redis.call(unpack(messages))
    redis.call(unpack(waiting))
  end
  return last + 1
end

-- The due set of a delayed queue, and the move of one delivery out of that queue into the one that
-- workers fetch from. The payload stays as it is: the consumer takes its ETA off.
local function due_set(queue) return ledger .. "due." .. queue end

local function promote(queue, delivery)
  local delayed, ready = ns .. ":" .. queue .. ".DQ.msgs", ns .. ":" .. queue
  local payload = redis.call("HGET", delayed, delivery)
  if not payload then return end
  redis.call("HSET", ready .. ".msgs", delivery, payload)
  redis.call("RPUSH", ready, delivery)
  redis.call("HDEL", delayed, delivery)
  local job = job_of(delivery)
  if job then enter(job, "enqueued") end
end

-- The dead letter of a job goes with its record: stock Dramatiq drops letters when it happens to look, and
-- a worker of ours has nothing that makes it look.
local function drop_letter(id)
  local job = load(id)
  local queue = job and queue_of(job)
  if not queue then return end
  local dead = ns .. ":" .. queue .. ".XQ"
  for _, delivery in ipairs({ id .. "#" .. job.delivery, job.delivery }) do
    redis.call("ZREM", dead, delivery)
    redis.call("HDEL", dead .. ".msgs", delivery)
  end
end

-- Keep at most `most` records of a final state, and none that is older than `oldest` ms. Two a call
-- suffice: at most one came in.
local function prune(state, most, oldest)
  local key = ledger .. state
  local extra = redis.call("ZCARD", key) - most
  local ids = redis.call("ZRANGE", key, 0, 1, "WITHSCORES")
  for i = 1, #ids, 2 do
    if (i + 1) / 2 <= extra or tonumber(ids[i + 1]) < millis - oldest then
      if state == "dead" then drop_letter(ids[i]) end
      redis.call("ZREM", key, ids[i])
      redis.call("HDEL", ledger .. "jobs", ids[i])
    end
  end
end
