"""What is asked of a queue: a client's half, and a worker that can be started and watched."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]


#: Where a queue keeps its jobs: a client of Redis, or a connection to PostgreSQL.
Store = Any


class Client:
    """The client's half of a queue, in a process of its own; what a queue lacks stays unsaid."""

    def send(self, number: int) -> None:
        """Enqueue one ``noop``."""
        raise NotImplementedError

    def send_each(self, count: int) -> None:
        """Enqueue many ``noop``, one by one."""
        for number in range(count):
            self.send(number)

    def send_stamp(self, since: float, path: str) -> None:
        """Enqueue one ``stamp``."""
        raise NotImplementedError

    def send_bulk(self, count: int) -> None:
        """Enqueue many ``noop`` as the queue's own manual says."""
        self.send_each(count)

    def send_stamp_at(self, due: float, path: str) -> None:
        """Enqueue one ``stamp`` for a time, in seconds since 1970."""
        raise NotImplementedError

    def schedule(self, count: int, seconds: float) -> None:
        """Enqueue many ``noop`` for so many seconds from now, and later ones."""
        raise NotImplementedError

    def version(self) -> str:
        """The version of the queue."""
        raise NotImplementedError


@dataclass(frozen=True)
class System:
    """A queue as the measurements see it.

    ``drains`` gives, for each shape of worker (processes, threads) that the queue has, how many
    jobs it is given: enough for a second or two.
    """

    name: str
    title: str
    #: What must be importable.
    module: str
    #: The Redis key, or the table, that workers take jobs from.
    queue: str
    drains: Mapping[tuple[int, int], int]
    has_bulk: bool = False
    #: The most jobs whose start is timed, where each takes long.
    samples: int = 200
    #: Jobs that wait, and jobs that are due, where scheduling is measured; else none.
    scheduled: int = 0
    due: int = 0
    #: Whether the lateness of scheduled jobs is measured.
    is_punctual: bool = False
    #: Seconds until an idle worker uses all the memory that it will use.
    settles: float = 3.0
    #: Where it keeps its jobs: "redis", or "postgres".
    store: str = "redis"
    #: Seconds between two looks at how far it is.
    looks: float = 0.002
    #: Environment variables of worker and driver.
    env: Mapping[str, str] = field(default_factory=dict)

    @property
    def python(self) -> str:
        """The interpreter that has this queue: this one, or that of build/bench/<name>."""
        apart = ROOT / "build" / "bench" / self.name / "bin" / "python"
        return str(apart) if apart.exists() else sys.executable

    def is_here(self) -> bool:
        """Whether it can be measured on this machine."""
        return self.python != sys.executable or importlib.util.find_spec(self.module) is not None

    def driver(self) -> list[str]:
        """The command that runs the client's half."""
        return [self.python, "-m", "bench.driver", self.name]

    def worker(self, threads: int) -> list[str]:
        """The command of a worker of one process."""
        raise NotImplementedError

    def workers(self, processes: int, threads: int) -> Sequence[list[str]]:
        """The commands of a worker of so many processes."""
        return [self.worker(threads)] * processes

    def unfinished(self, store: Store) -> int:
        """How many jobs the store still has that are not done."""
        return int(store.llen(self.queue))

    def hold(self, store: Store) -> None:
        """Put the jobs that wait out of a worker's reach."""
        store.rename(self.queue, "held")

    def release(self, store: Store) -> None:
        """Let a worker have them."""
        store.renamenx("held", self.queue)

    def waiting(self, store: Store) -> int:
        """How many scheduled jobs have not been moved into their queue."""
        raise NotImplementedError

    def client(self) -> Client:
        """The client's half; imports the queue."""
        raise NotImplementedError


def version_of(package: str) -> str:
    """The version of an installed package."""
    from importlib.metadata import version

    return version(package)


def url() -> str:
    """The Redis that is measured, in driver and worker."""
    import os

    return os.environ["BENCH_REDIS_URL"]


def tool(python: str, name: str) -> str:
    """A program beside an interpreter."""
    return str(Path(python).with_name(name))
