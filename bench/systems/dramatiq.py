"""Dramatiq on its own broker and on labkit's."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

from bench.systems.base import Client, Store, System, version_of

FAR = 86_400_000
SLICE = 1_000


class DramatiqClient(Client):
    """What both share."""

    def __init__(self) -> None:
        from bench.systems import dramatiq_app

        self.noop: Any = dramatiq_app.noop
        self.stamp: Any = dramatiq_app.stamp

    def send(self, number: int) -> None:
        self.noop.send(number)

    def send_stamp(self, since: float, path: str) -> None:
        self.stamp.send(since, path)

    def send_stamp_at(self, due: float, path: str) -> None:
        delay = max(1, round((due - time.time()) * 1000))
        self.stamp.send_with_options(args=(due, path), delay=delay)

    def schedule(self, count: int, seconds: float) -> None:
        for number in range(count):
            delay = max(1, round(seconds * 1000)) + number // SLICE
            self.noop.send_with_options(args=(number,), delay=delay)

    def version(self) -> str:
        return version_of("dramatiq")


class LabkitClient(DramatiqClient):
    """The same, with what labkit adds."""

    def send_bulk(self, count: int) -> None:
        self.noop.send_many([(number,) for number in range(count)])

    def send_stamp_at(self, due: float, path: str) -> None:
        from datetime import UTC, datetime

        self.stamp.send_at(datetime.fromtimestamp(due, UTC), due, path)

    def schedule(self, count: int, seconds: float) -> None:
        for first in range(0, count, SLICE):
            numbers = range(first, min(first + SLICE, count))
            messages = [self.noop.message(number) for number in numbers]
            delay = max(1, round(seconds * 1000)) + first // SLICE
            self.noop.broker.enqueue_many(messages, delay=delay)

    def version(self) -> str:
        return version_of("labkit")


class DramatiqSystem(System):
    """Its command line, with the application above."""

    def workers(self, processes: int, threads: int) -> Sequence[list[str]]:
        shape = ["-p", str(processes), "-t", str(threads)]
        return [[self.python, "-m", "dramatiq", "bench.systems.dramatiq_app", *shape]]

    def unfinished(self, store: Store) -> int:
        return store.hlen(f"{self.queue}.msgs")

    def waiting(self, store: Store) -> int:
        return store.hlen(f"{self.queue}.DQ.msgs")

    def client(self) -> Client:
        return LabkitClient() if self.name == "labkit" else DramatiqClient()


LABKIT = DramatiqSystem(
    name="labkit",
    title="labkit",
    module="labkit",
    queue="dramatiq:default",
    drains={(1, 1): 20_000, (1, 8): 20_000, (2, 8): 30_000},
    has_bulk=True,
    scheduled=100_000,
    due=20_000,
    is_punctual=True,
    env={"BENCH_SYSTEM": "labkit"},
)
STOCK = DramatiqSystem(
    name="dramatiq",
    title="Dramatiq",
    module="dramatiq",
    queue="dramatiq:default",
    drains={(1, 1): 600, (1, 8): 4_000, (2, 8): 8_000},
    scheduled=100_000,
    due=4_000,
    env={"BENCH_SYSTEM": "dramatiq"},
)
