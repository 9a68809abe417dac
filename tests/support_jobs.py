"""A broker, actors and a worker of one test, on the test's own Redis."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from dramatiq import Worker
from dramatiq.middleware import Retries

from labkit.broker import LabBroker
from labkit.ledger.reader import Ledger
from labkit.ledger.records import JobRecord, JobState
from tests.support import wait_until


@contextmanager
def running_worker(broker: LabBroker, threads: int = 2, timeout: int = 50) -> Iterator[Worker]:
    """A worker in this process; stopped at the end of the block."""
    worker = Worker(broker, worker_threads=threads, worker_timeout=timeout)
    worker.start()
    try:
        yield worker
    finally:
        worker.stop()


def quick_retries(broker: LabBroker, max_retries: int, backoff: int = 10) -> None:
    """Let failed jobs come back within milliseconds."""
    for middleware in broker.middleware:
        if isinstance(middleware, Retries):
            middleware.max_retries = max_retries
            middleware.min_backoff = middleware.max_backoff = backoff


def wait_for_state(ledger: Ledger, job_id: str, state: JobState) -> JobRecord:
    """The record of the job once it is in the state."""

    def reached() -> bool:
        job = ledger.job(job_id)
        return job is not None and job.state is state

    wait_until(reached, 10, f"{job_id} is {state}; it is {ledger.job(job_id)}")
    job = ledger.job(job_id)
    assert job is not None
    return job
