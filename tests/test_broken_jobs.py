"""Jobs that fail in a way that would take a worker's thread, or the job itself, along."""

from __future__ import annotations

import logging

import pytest

from labkit.actors import actor
from labkit.broker import LabBroker
from labkit.ledger.reader import Ledger
from labkit.ledger.records import JobState
from tests.support import wait_until
from tests.support_jobs import running_worker, wait_for_state


class Mute(Exception):
    def __str__(self) -> str:
        raise RuntimeError("no text")


def test_an_error_without_a_text_ends_no_thread(broker: LabBroker, redis_url: str) -> None:
    @actor(broker=broker, max_retries=0)
    def fail() -> None:
        raise Mute

    ledger = Ledger(redis_url)
    with running_worker(broker, threads=1):
        for _ in range(2):
            job = wait_for_state(ledger, fail.send().message_id, JobState.DEAD)
            assert job.error == "Mute: its text cannot be made"


@pytest.mark.allow_critical
def test_a_job_whose_retry_cannot_be_decided_is_dead_and_not_done(
    broker: LabBroker, redis_url: str
) -> None:
    def undecided(_retries: int, _error: BaseException) -> bool:
        raise LookupError("no such rule")

    @actor(broker=broker, retry_when=undecided)
    def fail() -> None:
        raise RuntimeError("as it is meant to")

    with running_worker(broker):
        job = wait_for_state(Ledger(redis_url), fail.send().message_id, JobState.DEAD)
    assert job.error == "RuntimeError: as it is meant to"


@pytest.mark.allow_critical
def test_a_redis_that_refuses_to_write_ends_no_consumer(
    broker: LabBroker, redis_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    """As on a full disk: whatever a consumer does then is refused, its closing as well."""
    caplog.set_level(logging.INFO)

    @actor(broker=broker)
    def work() -> None: ...

    with running_worker(broker) as worker:
        later = work.send_with_options(delay=200)
        broker.client.config_set("min-replicas-to-write", 1)
        try:
            wait_until(lambda: caplog.text.count("Restarting consumer") >= 2, 20, "both meet it")
        finally:
            broker.client.config_set("min-replicas-to-write", 0)
        assert all(consumer.is_alive() for consumer in worker.consumers.values())
        wait_for_state(Ledger(redis_url), later.message_id, JobState.COMPLETED)
