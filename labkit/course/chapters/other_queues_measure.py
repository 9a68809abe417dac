"""Chapter 10's measurements: small ones, for the shape of things; `make bench` takes the true ones.

The job is the same in all queues, and so is what is watched: the rows that it writes.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from statistics import median
from typing import Any

from sqlmodel import col, func, select

from labkit.course.chapters.other_queues_place import family
from labkit.course.figures import bars
from labkit.course.lab import wait_until
from labkit.database import session
from labkit.models import Log, Task
from labkit.worker import Worker

#: Jobs whose way is timed one by one, and jobs that are sent in one go.
SINGLE, MANY = 3, 8


@dataclass(frozen=True)
class Measured:
    """What a queue and its worker did: milliseconds, jobs a second, MiB."""

    wait: float
    rate: float
    memory: float

    def __str__(self) -> str:
        return f"{self.wait:.1f} ms, {self.rate:.0f} jobs/s"


def new_task(title: str) -> int:
    """Save a task; returns its id."""
    with session() as db:
        task = Task(title=title)
        db.add(task)
    assert task.id is not None  # noqa: S101  # nosec B101 - it is saved
    return task.id


def logged(task_id: int | None = None) -> int:
    """How many logs there are: of one task, or of all."""
    query = select(func.count(col(Log.id)))
    with session() as db:
        return db.exec(query if task_id is None else query.where(Log.task_id == task_id)).one()


def measure(send: Callable[[int], Any], worker: Worker) -> Measured:
    """Send to a worker that idles, and then more than it can do at once."""
    task_id, idle = new_task("Measure"), memory(worker)
    waits = [_time(send, task_id, 1) for _ in range(SINGLE)]
    return Measured(median(waits) * 1000, MANY / _time(send, task_id, MANY), idle)


def _time(send: Callable[[int], Any], task_id: int, count: int) -> float:
    goal = logged(task_id) + count
    began = time.perf_counter()
    for _ in range(count):
        send(task_id)
    wait_until(lambda: logged(task_id) >= goal, what=f"{count} jobs to be done")
    return time.perf_counter() - began


def memory(worker: Worker) -> float:
    """MiB that a worker's processes have in memory, those counted once that they share."""
    import psutil

    total = 0
    for pid in family(worker):
        with suppress(psutil.NoSuchProcess):  # a fork whose job is done
            size = psutil.Process(pid).memory_full_info()
            total += getattr(size, "pss", size.uss)
    return total / 2**20


def draw(measured: Mapping[str, Measured]) -> None:
    """Three figures: a job's way, jobs a second, memory."""
    bars(
        {name: one.wait for name, one in measured.items()},
        title="From the send to the row in the database",
        unit="ms (less is better)",
        alt="RQ takes longest by far: for each job it forks, and the new process connects anew.",
    )
    bars(
        {name: one.rate for name, one in measured.items()},
        title="Jobs a second, of a few sent in one go",
        unit="jobs/s (more is better)",
        alt="RQ does fewest by far, one at a time; the two with threads do several at once.",
    )
    bars(
        {name: one.memory for name, one in measured.items()},
        title="Memory of one idle worker",
        unit="MiB",
        alt="All three are of one order: most of it is Python and the application itself.",
    )
