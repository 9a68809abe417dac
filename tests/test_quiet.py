"""A quiet worker takes no more jobs, and finishes what it runs."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import dramatiq
import pytest
from dramatiq import Message

from labkit.broker import LabBroker
from labkit.errors import WorkerError
from labkit.ledger.check import check
from labkit.ledger.reader import Ledger
from labkit.ledger.records import JobState
from labkit.worker import Worker
from tests.support import wait_until
from tests.support_jobs import running_worker, wait_for_state

if TYPE_CHECKING:
    from labkit.settings import Settings


def send(broker: LabBroker) -> str:
    return broker.enqueue(Message("default", "waits", (), {}, {})).message_id


def test_it_finishes_what_it_runs_and_begins_nothing(broker: LabBroker, ledger: Ledger) -> None:
    # Given a worker with one thread, which runs a job and has fetched another
    gate = threading.Event()

    @dramatiq.actor(broker=broker)
    def waits() -> None:
        gate.wait(10)

    running, *others = [send(broker) for _ in range(4)]
    with running_worker(broker, threads=1):
        wait_for_state(ledger, running, JobState.RUNNING)
        wait_until(lambda: broker.client.llen("dramatiq:default") < 3)
        [card] = ledger.workers()
        # When it is quieted, by its address
        ledger.quiet(card.address)
        assert ledger.workers()[0].is_quiet
        # Then what it has fetched and not begun goes back, and what it runs goes on
        wait_until(lambda: broker.client.llen("dramatiq:default") == 3)
        assert ledger.job(running).state is JobState.RUNNING  # type: ignore[union-attr]
        gate.set()
        wait_for_state(ledger, running, JobState.COMPLETED)
        assert ledger.counts()[JobState.ENQUEUED] == 3
        assert broker.client.llen("dramatiq:default") == 3
        assert check(ledger) == []
        # And when it is let go on, it takes what waits
        ledger.quiet(card.name, quiet=False)
        for job in others:
            wait_for_state(ledger, job, JobState.COMPLETED)
    assert ledger.client.exists(ledger.keys.quiet) == 0


def test_from_the_mark_on_no_fetch_takes_a_job(broker: LabBroker, ledger: Ledger) -> None:
    """Also when the worker has not yet heard of it."""

    @dramatiq.actor(broker=broker)
    def waits() -> None: ...

    with running_worker(broker):
        [card] = ledger.workers()
        ledger.quiet(card.name)
        send(broker)
        wait_until(lambda: broker.is_quiet)
        assert ledger.counts()[JobState.ENQUEUED] == 1


def test_the_mark_goes_with_the_worker(broker: LabBroker, ledger: Ledger) -> None:
    with running_worker(broker):
        ledger.quiet(ledger.workers()[0].name)
    assert ledger.client.exists(ledger.keys.quiet) == 0


def test_all_processes_of_a_child(settings: Settings) -> None:
    ledger = Ledger()
    with Worker.start(processes=2, threads=1) as worker:
        wait_until(lambda: len(ledger.workers()) == 2)
        worker.quiet()
        assert [card.is_quiet for card in ledger.workers()] == [True, True]
        worker.quiet(quiet=False)
        assert [card.is_quiet for card in ledger.workers()] == [False, False]
    with pytest.raises(WorkerError, match="no labkit worker"):
        worker.quiet()


def test_a_worker_that_is_not_there(ledger: Ledger) -> None:
    with pytest.raises(WorkerError, match="host:7"):
        ledger.quiet("host:7")
