"""A queue to try an answer on: a Redis, a broker and, when wanted, a worker, all thrown away.

    with trial(Retries()) as queue:
        message = queue.job(lambda: None).send()
        with queue.worker():
            queue.wait_for(message, "completed")

The worker's threads run in this process, so that a job may wait for what the check decides.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import dramatiq

from labkit.actors import LabActor, actor
from labkit.broker import LabBroker
from labkit.course.lab import wait_until
from labkit.ledger.reader import Ledger
from labkit.ledger.records import JobRecord
from labkit.redis_server import ThrowawayRedis

#: Milliseconds between a worker thread's looks at whether it should stop.
WORKER_TIMEOUT = 20


@dataclass(frozen=True)
class Trial:
    """The queue, and what Dramatiq complained of: the errors that it logged as CRITICAL."""

    broker: LabBroker
    ledger: Ledger
    url: str
    complaints: list[str] = field(default_factory=list)

    def job(self, function: Callable[..., Any], name: str, **options: Any) -> LabActor[..., Any]:
        """An actor of this queue; ``options`` as ``dramatiq.actor`` has them."""
        declare = actor(broker=self.broker, actor_name=name, **options)
        return declare(function)

    def wait_for(self, message: dramatiq.Message[Any], state: str) -> JobRecord:
        """The job's record, as soon as it is in ``state``."""

        def found() -> list[JobRecord]:
            record = self.ledger.job(message.message_id)
            return [record] if record is not None and record.state == state else []

        return wait_until(found, what=f"a job of this check to be {state}")[0]

    def run_all(self, threads: int = 1) -> None:
        """Let a worker come, run what waits, and go."""
        with self.worker(threads) as worker:
            self.broker.join("default", timeout=5_000)
            worker.join()

    @contextmanager
    def worker(self, threads: int = 1) -> Iterator[dramatiq.Worker]:
        """A worker of this process, for as long as the block lasts."""
        worker = dramatiq.Worker(self.broker, worker_threads=threads, worker_timeout=WORKER_TIMEOUT)
        worker.start()
        try:
            yield worker
        finally:
            worker.stop()


@contextmanager
def trial(*middleware: dramatiq.Middleware) -> Iterator[Trial]:
    """A queue with these middleware and no others; Dramatiq's log does not reach the learner."""
    with ThrowawayRedis() as server, _quiet() as complaints:
        broker = LabBroker(url=server.url, middleware=list(middleware))
        try:
            yield Trial(broker, Ledger(url=server.url), server.url, complaints)
        finally:
            broker.close()


@contextmanager
def _quiet() -> Iterator[list[str]]:
    found: list[str] = []

    class Collector(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            if record.levelno >= logging.CRITICAL and record.exc_info:
                error = record.exc_info[1]
                found.append(f"{type(error).__name__}: {error}")

    logger = logging.getLogger("dramatiq")
    before, collector = logger.propagate, Collector()
    logger.addHandler(collector)
    logger.propagate = False
    try:
        yield found
    finally:
        logger.removeHandler(collector)
        logger.propagate = before
