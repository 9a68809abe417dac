"""The client's half of a measurement: ``python -m bench.driver SYSTEM VERB JSON``; answers JSON.

In a process of its own, so that one queue's client cannot slow another's, and with the Python that
has the queue. Sidekiq's twin is sidekiq/driver.rb. Nothing beyond the queue is imported.
"""

from __future__ import annotations

import json
import platform
import random
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from bench.systems import SYSTEMS
from bench.systems.base import Client

WARM_UP = 100
#: Seconds by which the jobs of a jam are told apart.
APART = 1e10


class Driver:
    """The verbs, on one queue's client."""

    def __init__(self, client: Client) -> None:
        self.client = client

    def version(self) -> dict[str, Any]:
        """What is measured."""
        runtime = f"Python {platform.python_version()}"
        return {"version": self.client.version(), "runtime": runtime}

    def fill(self, count: int) -> dict[str, Any]:
        """Enqueue, the quickest way."""
        self.client.send_bulk(count)
        return {}

    def each(self, count: int) -> dict[str, Any]:
        """Enqueue one by one: jobs a second."""
        self.client.send_each(WARM_UP)
        return rate(count, self.client.send_each)

    def bulk(self, count: int) -> dict[str, Any]:
        """Enqueue in bulk: jobs a second."""
        self.client.send_bulk(WARM_UP)
        return rate(count, self.client.send_bulk)

    def schedule(self, count: int, seconds: float) -> dict[str, Any]:
        """Enqueue for later."""
        self.client.schedule(count, seconds)
        return {}

    def wake(self, processes: int, path: str) -> dict[str, Any]:
        """Send jobs until each of the worker's processes has run one, and all have run."""
        sent = 0

        def is_awake() -> bool:
            nonlocal sent
            self.client.send_stamp(time.time(), path)
            sent += 1
            time.sleep(0.02)
            return len({pid for _, pid in stamps(path)}) >= processes

        wait_for(is_awake, 60, "a job in each process")
        wait_for(lambda: len(stamps(path)) == sent, 60, f"the last of {sent} jobs")
        return {}

    def jam(self, count: int, path: str) -> dict[str, Any]:
        """Send jobs that can be told apart, to a path that is a pipe."""
        for number in range(count):
            self.client.send_stamp(APART * number, path)
        return {}

    def stamps(self, count: int, path: str, pause: float) -> dict[str, Any]:
        """Send to a worker that idles, each time: seconds from the send to the start."""
        for number in range(count):
            self.client.send_stamp(time.time(), path)
            wait_for(lambda: len(stamps(path)) > number, 30, f"job {number}")  # noqa: B023
            time.sleep(pause * (0.5 + random.random()))  # noqa: S311 - dice, not secrets
        return {"seconds": [seconds for seconds, _ in stamps(path)]}

    def stamps_at(
        self, count: int, path: str, lead: float, over: float, patience: float
    ) -> dict[str, Any]:
        """Send for times that are spread evenly: seconds from the due time to the start.

        Of those that have run ``patience`` seconds after the last was due.
        """
        began = time.time() + lead
        for number in range(count):
            self.client.send_stamp_at(began + over * number / count, path)
        last = began + over + patience
        while len(stamps(path)) < count and time.time() < last:
            time.sleep(0.005)
        return {"seconds": [seconds for seconds, _ in stamps(path)]}


def jam_number(seconds: float) -> int:
    """Which job of a jam has written this."""
    return round((time.time() - seconds) / APART)


def rate(count: int, work: Callable[[int], None]) -> dict[str, Any]:
    """How many a second ``work`` does."""
    began = time.perf_counter()
    work(count)
    return {"rate": count / (time.perf_counter() - began)}


def stamps(path: str) -> list[tuple[float, str]]:
    """What the jobs have written so far: seconds, and the process that wrote them."""
    file = Path(path)
    text = file.read_text(encoding="ascii") if file.exists() else ""
    # Of a line that is being written, the end may be missing yet.
    lines = text[: text.rfind("\n") + 1].splitlines()
    return [(float(seconds), pid) for seconds, pid in map(str.split, lines)]


def wait_for(condition: Callable[[], bool], timeout: float, what: str) -> None:
    """Look once a millisecond.

    Raises:
      SystemExit: it has not come about in ``timeout`` seconds.
    """
    deadline = time.monotonic() + timeout
    while not condition():
        if time.monotonic() > deadline:
            raise SystemExit(f"not within {timeout:g} s: {what}")
        time.sleep(0.001)


if __name__ == "__main__":
    name, verb, options = sys.argv[1:]
    answer = getattr(Driver(SYSTEMS[name].client()), verb)(**json.loads(options))
    print(json.dumps(answer))
