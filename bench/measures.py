"""How each row is measured: functions of a stage and a system."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from statistics import median

from bench.driver import jam_number
from bench.ledger import read_costs
from bench.rows import percentile
from bench.stage import Stage, kill_families, memory_of
from bench.systems.base import System

DAY = 86_400.0
#: What stock Dramatiq holds in memory with eight threads, and one more.
FAR_JOBS = 8_001
#: Jobs that a worker has in hand or before it when it is killed, and seconds to get at them.
KILLED, GRABS = 40, 1.5

Figures = dict[str, float]


@dataclass(frozen=True)
class Sizes:
    """How much of everything; ``quick`` gives figures within a minute, and no good ones."""

    jobs: float = 1.0  # a factor on the counts that stand with each system
    sent: int = 5_000
    bulk: int = 100_000
    samples: int = 200
    scheduled_samples: int = 200
    records: int = 1_000_000
    patience: float = 5.0  # seconds after which a scheduled job counts as not run
    heals: float = 15.0  # seconds that a second worker gets after the first was killed
    settles: bool = True

    def of(self, count: int) -> int:
        """So many jobs of a system's own count."""
        return max(20, int(count * self.jobs))


FULL = Sizes()
QUICK = Sizes(
    jobs=0.05,
    sent=200,
    bulk=2_000,
    samples=5,
    scheduled_samples=5,
    records=2_000,
    patience=1.5,
    heals=8.0,
    settles=False,
)


@dataclass(frozen=True)
class Measure:
    """A measurement: of whom, and by what function, which gives some rows' figures."""

    name: str
    is_for: Callable[[System], bool]
    run: Callable[[Stage, System, Sizes], Figures]
    #: Whether one round is enough: it counts bytes or requests, is a yes or no, or a median anyway.
    once: bool = False


def each(stage: Stage, system: System, sizes: Sizes) -> Figures:
    """Enqueue one by one."""
    return {"each": stage.drive(system, "each", count=sizes.sent)["rate"]}


def bulk(stage: Stage, system: System, sizes: Sizes) -> Figures:
    """Enqueue in bulk."""
    return {"bulk": stage.drive(system, "bulk", count=sizes.bulk)["rate"]}


def drain(processes: int, threads: int) -> Measure:
    """Run jobs that do nothing, with a worker of this shape."""

    def run(stage: Stage, system: System, sizes: Sizes) -> Figures:
        count = sizes.of(system.drains[processes, threads])
        stage.drive(system, "fill", count=count)
        # The jobs wait under another name until the worker is ready: its start is not measured.
        store = stage.store(system)
        system.hold(store)
        with stage.worker(system, processes, threads):
            system.release(store)
            rate = stage.rate_of(lambda: system.unfinished(store), count, system.looks)
        return {f"drain_{processes}x{threads}": rate}

    return Measure(
        f"drain {processes}x{threads}", lambda system: (processes, threads) in system.drains, run
    )


def latency(stage: Stage, system: System, sizes: Sizes) -> Figures:
    """From the send to the start, on a worker that idles."""
    with stage.worker(system, 1, 8):
        path = str(stage.new_file("stamps"))
        count = min(sizes.samples, system.samples)
        answer = stage.drive(system, "stamps", count=count, path=path, pause=0.05)
    return _spread("latency", answer["seconds"])


def lateness(stage: Stage, system: System, sizes: Sizes) -> Figures:
    """From the due time to the start, while many wait for a later time."""
    stage.drive(system, "schedule", count=sizes.of(system.scheduled), seconds=DAY)
    with stage.worker(system, 1, 8):
        time.sleep(system.settles if sizes.settles else 0)
        path, count = str(stage.new_file("stamps")), sizes.scheduled_samples
        # A poller is met at every point of its round: some ten seconds of due times.
        over = 10.0 if sizes.settles else 0.5
        late = _scheduled(stage, system, count, path, over, patience=60.0)
    if len(late) < count:
        raise RuntimeError(f"{system.title}: of {count} scheduled jobs {len(late)} ran")
    return _spread("lateness", late)


def _scheduled(
    stage: Stage, system: System, count: int, path: str, over: float, patience: float
) -> list[float]:
    options = {"count": count, "path": path, "lead": 1.0, "over": over, "patience": patience}
    seconds: list[float] = stage.drive(system, "stamps_at", **options)["seconds"]
    return seconds


def _spread(name: str, seconds: list[float]) -> Figures:
    millis = [value * 1000 for value in seconds]
    return {
        f"{name}_median": median(millis),
        f"{name}_p95": percentile(millis, 0.95),
        f"{name}_p99": percentile(millis, 0.99),
    }


def near_job(stage: Stage, system: System, sizes: Sizes) -> Figures:
    """Whether a job that is due in a second runs within five more, behind many far ones."""
    stage.drive(system, "schedule", count=FAR_JOBS, seconds=DAY)
    with stage.worker(system, 1, 8):
        path = str(stage.new_file("stamps"))
        late = _scheduled(stage, system, 1, path, over=0.0, patience=sizes.patience)
    return {"near_job": float(len(late))}


def promote(stage: Stage, system: System, sizes: Sizes) -> Figures:
    """How fast jobs that are due come into their queue, once a worker is there."""
    count = sizes.of(system.due)
    stage.drive(system, "schedule", count=count, seconds=0.001)
    time.sleep(0.2)
    with stage.worker(system, 1, 8, awake=False):
        return {"promote": stage.rate_of(lambda: system.waiting(stage.store(system)), count)}


def memory(stage: Stage, system: System, sizes: Sizes) -> Figures:
    """What an idle worker takes of memory and of Redis, and once many jobs are scheduled."""
    figures = {}
    settles = system.settles if sizes.settles else 0.5
    with stage.worker(system, 1, 8) as pids:
        time.sleep(settles)
        figures["memory"] = memory_of(pids)
        if not system.scheduled:
            return figures
        before, began = _requests(stage), time.perf_counter()
        time.sleep(settles)
        spent = _requests(stage) - before - 1  # the second look is not the worker's
        figures["idle_requests"] = spent / (time.perf_counter() - began)
    stage.clear()
    stage.drive(system, "schedule", count=sizes.of(system.scheduled), seconds=DAY)
    with stage.worker(system, 1, 8) as pids:
        time.sleep(settles)
        figures["memory_growth"] = memory_of(pids) - figures["memory"]
    return figures


def kill(stage: Stage, system: System, sizes: Sizes) -> Figures:
    """A worker is killed with jobs in hand: what a second one has done soon, and what is gone.

    The jobs want to write into a pipe that nobody reads, and so are caught in the middle.
    """
    pipe = stage.new_file("pipe")
    os.mkfifo(pipe)
    with stage.worker(system, 1, 8) as pids:
        stage.drive(system, "jam", count=KILLED, path=str(pipe))
        time.sleep(GRABS)
        kill_families(pids)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    try:
        with stage.worker(system, 1, 8, awake=False):
            done = count_jammed(reader, sizes.heals)
            left = stage.unfinished(system)
    finally:
        os.close(reader)
    return {"kill_done": float(len(done)), "kill_lost": float(max(0, KILLED - len(done) - left))}


def count_jammed(reader: int, seconds: float) -> set[int]:
    """The numbers of the jobs that have written into the pipe: all, or those of these seconds."""
    text, deadline = "", time.monotonic() + seconds
    done = set[int]()
    while len(done) < KILLED and time.monotonic() < deadline:
        with contextlib.suppress(BlockingIOError):
            text += os.read(reader, 65_536).decode("ascii")
        done = {jam_number(float(line.split()[0])) for line in text.split("\n")[:-1]}
        time.sleep(0.01)
    return done


def _requests(stage: Stage) -> int:
    # What comes over the network: the commands inside a script or a pipeline are none of their own.
    return int(stage.redis.info("stats")["total_reads_processed"])


def ledger(stage: Stage, system: System, sizes: Sizes) -> Figures:
    """What the ledger's answers cost Redis, with few jobs and with many."""
    figures: Figures = {}
    for name, count in (("few", 100), ("many", sizes.records)):
        stage.clear()
        bare = stage.used_memory()
        stage.drive(system, "fill", count=count * 6 // 10)
        stage.drive(system, "schedule", count=count * 4 // 10, seconds=DAY)
        costs = read_costs(stage.redis, stage.server.url)
        figures[f"counts_{name}"], figures[f"page_{name}"] = costs
    messages = ("default", "default.msgs", "default.DQ", "default.DQ.msgs")
    own = sum(stage.redis.memory_usage(f"dramatiq:{key}", samples=0) or 0 for key in messages)
    return figures | {"bytes": (stage.used_memory() - bare - own) / sizes.records}


MEASURES = (
    Measure("each", lambda system: system.name != "sidekiq-quiet", each),
    Measure("bulk", lambda system: system.has_bulk, bulk),
    drain(1, 1),
    drain(1, 8),
    drain(2, 8),
    Measure("latency", lambda system: system.name != "sidekiq-quiet", latency),
    Measure("lateness", lambda system: system.is_punctual, lateness),
    Measure("near job", lambda system: system.name in ("labkit", "dramatiq"), near_job, once=True),
    Measure("promote", lambda system: system.due > 0, promote),
    Measure("memory", lambda system: system.name != "sidekiq-quiet", memory, once=True),
    Measure("kill", lambda system: system.name != "sidekiq-quiet", kill, once=True),
    Measure("ledger", lambda system: system.name == "labkit", ledger, once=True),
)
