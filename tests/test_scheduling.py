"""Scheduling: promoted at the right time, and moved, run or cancelled until a worker has it."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from dramatiq import Worker
from dramatiq.brokers.redis import RedisBroker

from labkit.actors import LabActor, actor
from labkit.broker import LabBroker
from labkit.errors import AlreadyTaken, InvalidSchedule, UnknownJob
from labkit.ledger.check import check
from labkit.ledger.reader import Ledger
from labkit.ledger.records import JobState
from tests.support import wait_until
from tests.support_jobs import quick_retries, running_worker, wait_for_state

HOUR = 3_600_000
ran: list[object] = []


@pytest.fixture
def broker(redis_url: str) -> Iterator[LabBroker]:
    ran.clear()
    broker = LabBroker(url=redis_url)
    quick_retries(broker, 0)
    yield broker
    broker.client.close()


@pytest.fixture
def note(broker: LabBroker) -> LabActor[..., None]:
    return actor(broker=broker, actor_name="note")(ran.append)


def test_a_near_job_that_is_sent_behind_far_ones_runs_on_time(
    broker: LabBroker, note: LabActor[..., None], ledger: Ledger
) -> None:
    with running_worker(broker, timeout=1_000):
        for _ in range(50):
            note.send_with_options(args=("far",), delay=HOUR)
        due = time.time() + 0.5
        sent = note.send_with_options(args=("near",), delay=500)
        done = wait_for_state(ledger, sent.message_id, JobState.COMPLETED)
        assert done.started_at is not None
        assert done.started_at.timestamp() >= due - 0.002
        # Its record is written first, and then it is out of the hand.
        wait_until(lambda: broker.in_hand == {})
    assert ran == ["near"]
    assert check(ledger) == []


def test_any_horizon(note: LabActor[..., None], ledger: Ledger) -> None:
    sent = note.send_at(datetime(2999, 1, 1, tzinfo=UTC))
    job = ledger.job(sent.message_id)
    assert job is not None
    assert job.eta is not None
    assert abs(job.eta - datetime(2999, 1, 1, tzinfo=UTC)) < timedelta(seconds=1)


@pytest.mark.parametrize("with_worker", [False, True])
def test_run_now_cancel_and_reschedule(
    broker: LabBroker, note: LabActor[..., None], ledger: Ledger, with_worker: bool
) -> None:
    def act() -> None:
        now, gone, moved = (
            note.send_with_options(args=(name,), delay=HOUR) for name in ("now", "gone", "moved")
        )
        if with_worker:
            due = ledger.keys.due("default")
            wait_until(lambda: broker.client.zcard(due) == 3, 5, "the worker took all three in")
        ledger.run_now(now.message_id)
        ledger.cancel(gone.message_id)
        ledger.reschedule(moved.message_id, datetime.now(UTC) + timedelta(milliseconds=100))

    if with_worker:
        with running_worker(broker, timeout=1_000):
            act()
            wait_until(lambda: set(ran) == {"now", "moved"}, 10, "both have run")
    else:
        act()
        assert check(ledger) == []
        with running_worker(broker):
            wait_until(lambda: set(ran) == {"now", "moved"}, 10, "both have run")
    assert ledger.counts()[JobState.CANCELLED] == 1
    assert ledger.counts()[JobState.COMPLETED] == 2
    assert check(ledger) == []


def test_rescheduling_further_away_holds_it_back(
    broker: LabBroker, note: LabActor[..., None], ledger: Ledger
) -> None:
    sent = note.send_with_options(args=("late",), delay=200)
    ledger.reschedule(sent.message_id, datetime.now(UTC) + timedelta(hours=1))
    with running_worker(broker):
        note.send("marker")
        other = note.send_with_options(args=("other",), delay=400)
        wait_for_state(ledger, other.message_id, JobState.COMPLETED)
    assert ran == ["marker", "other"]


def test_an_enqueued_job_can_be_cancelled(
    broker: LabBroker, note: LabActor[..., None], ledger: Ledger
) -> None:
    sent = note.send(1)
    ledger.cancel(sent.message_id)
    assert ledger.counts()[JobState.CANCELLED] == 1
    assert broker.do_qsize("default") == 0
    assert check(ledger) == []


def test_what_a_worker_has_is_already_taken(broker: LabBroker, ledger: Ledger) -> None:
    gate = threading.Event()
    wait = actor(broker=broker, actor_name="wait")(lambda: gate.wait(10) and None)
    sent = wait.send()
    with running_worker(broker):
        wait_for_state(ledger, sent.message_id, JobState.RUNNING)
        for action in (ledger.cancel, ledger.run_now):
            with pytest.raises(AlreadyTaken, match="worker has it"):
                action(sent.message_id)
        with pytest.raises(AlreadyTaken):
            ledger.reschedule(sent.message_id, datetime.now(UTC))
        gate.set()
        wait_for_state(ledger, sent.message_id, JobState.COMPLETED)
    with pytest.raises(AlreadyTaken, match="is completed: cancel does not fit"):
        ledger.cancel(sent.message_id)


def test_a_dead_job_can_be_retried_and_begins_anew(broker: LabBroker, ledger: Ledger) -> None:
    mood = ["bad"]

    def moody() -> None:
        if mood == ["bad"]:
            raise RuntimeError("bad mood")

    sent = actor(broker=broker, max_retries=0)(moody).send()
    with running_worker(broker):
        wait_for_state(ledger, sent.message_id, JobState.DEAD)
        mood[0] = "good"
        ledger.retry(sent.message_id)
        done = wait_for_state(ledger, sent.message_id, JobState.COMPLETED)
    assert [attempt.error for attempt in done.attempts] == ["RuntimeError: bad mood", None]
    assert broker.client.keys("dramatiq:*.XQ*") == []
    with pytest.raises(AlreadyTaken):
        ledger.retry(sent.message_id)


def test_a_finished_job_can_be_forgotten(
    broker: LabBroker, note: LabActor[..., None], ledger: Ledger
) -> None:
    sent = note.send(1)
    with pytest.raises(AlreadyTaken):
        ledger.delete(sent.message_id)
    with running_worker(broker):
        wait_for_state(ledger, sent.message_id, JobState.COMPLETED)
    ledger.delete(sent.message_id)
    assert ledger.job(sent.message_id) is None


def test_a_job_that_nobody_knows_or_a_time_without_a_zone(ledger: Ledger) -> None:
    for action in (ledger.cancel, ledger.run_now, ledger.retry, ledger.delete):
        with pytest.raises(UnknownJob, match="no-such-id"):
            action("no-such-id")
    with pytest.raises(InvalidSchedule, match="astimezone"):
        ledger.reschedule("any", datetime(2030, 1, 1))  # noqa: DTZ001 - the mistake under test


def test_stock_finds_what_was_scheduled_when_the_last_of_ours_has_gone(
    broker: LabBroker, note: LabActor[..., None], redis_url: str, ledger: Ledger
) -> None:
    with running_worker(broker):
        note.send_with_options(args=("later",), delay=700)
        due = ledger.keys.due("default")
        wait_until(lambda: broker.client.zcard(due) == 1, 5, "the worker has taken it in")
    assert broker.client.zcard(due) == 0
    stock = RedisBroker(url=redis_url)
    import dramatiq

    dramatiq.actor(broker=stock, actor_name="note")(ran.append)
    worker = Worker(stock, worker_threads=1, worker_timeout=50)
    worker.start()
    try:
        wait_until(lambda: ran == ["later"], 10, "stock has run it")
    finally:
        worker.stop()


def test_a_delayed_job_of_a_stock_producer_is_promoted_and_recorded(
    broker: LabBroker, note: LabActor[..., None], redis_url: str, ledger: Ledger
) -> None:
    stock = RedisBroker(url=redis_url)
    sent = stock.enqueue(note.message("from stock"), delay=600)
    with running_worker(broker):
        wait_for_state(ledger, sent.message_id, JobState.SCHEDULED)
        wait_for_state(ledger, sent.message_id, JobState.COMPLETED)
    assert ran == ["from stock"]


def test_two_workers_promote_each_job_once(redis_url: str, ledger: Ledger) -> None:
    ran.clear()
    brokers = [LabBroker(url=redis_url) for _ in range(2)]
    notes = [actor(broker=broker, actor_name="note")(ran.append) for broker in brokers]
    with running_worker(brokers[0]), running_worker(brokers[1]):
        for n in range(100):
            notes[0].send_with_options(args=(n,), delay=100 + n)
        wait_until(lambda: len(ran) >= 100, 15, "all have run")
        wait_until(lambda: ledger.counts()[JobState.COMPLETED] == 100, 5, "all are settled")
    assert sorted(map(int, map(str, ran))) == list(range(100))
