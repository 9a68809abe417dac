"""What happened in each minute: counted in the steps of the jobs themselves, and kept for a day."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import dramatiq
import pytest
from dramatiq import Message

from labkit.broker import LabBroker
from labkit.ledger.history import KEPT, Recent
from labkit.ledger.reader import Ledger
from labkit.ledger.records import JobState
from tests.support import wait_until
from tests.support_jobs import quick_retries, running_worker, wait_for_state

if TYPE_CHECKING:
    pass


def send(broker: LabBroker, actor: str = "works", queue: str = "default", **more: Any) -> str:
    return broker.enqueue(Message(queue, actor, (), {}, {}), **more).message_id


def totals(ledger: Ledger, queue: str | None = None) -> tuple[int, int]:
    found = ledger.minutes(3, queue)
    return sum(one.completed for one in found), sum(one.failed for one in found)


def waits(ledger: Ledger) -> list[int]:
    return [one.p95_wait for one in ledger.minutes(3) if one.p95_wait is not None]


def test_completed_jobs_and_failed_attempts_by_queue(broker: LabBroker, ledger: Ledger) -> None:
    # Given jobs that end well in two queues, and one that fails three times
    @dramatiq.actor(broker=broker)
    def works() -> None: ...

    @dramatiq.actor(broker=broker, queue_name="mail", actor_name="posts")
    def posts() -> None: ...

    @dramatiq.actor(broker=broker)
    def fails() -> None:
        raise ValueError("no")

    quick_retries(broker, max_retries=2)
    assert totals(ledger) == (0, 0)
    for _ in range(3):
        send(broker)
    send(broker, "posts", "mail")
    failing = send(broker, "fails")
    # When a worker has run them all
    with running_worker(broker):
        wait_for_state(ledger, failing, JobState.DEAD)
        wait_until(lambda: ledger.counts()[JobState.COMPLETED] == 4)
    # Then the minutes say so
    assert totals(ledger) == (4, 3)
    assert totals(ledger, "mail") == (1, 0)


@pytest.mark.parametrize("queue", [b"a/b", b"</td>/waited", b"\xed\xa0\x80", b"", b"a\nb"])
def test_a_queue_of_others_may_have_any_name(ledger: Ledger, queue: bytes) -> None:
    minute = ledger.keys.minute(int(time.time()) // 60)
    tallies = {queue + b"/completed": 2, queue + b"/waited/4": 2, b"nothing of ours": 7}
    ledger.client.hset(minute, mapping=tallies)
    assert totals(ledger) == (2, 0)
    assert totals(ledger, queue.decode(errors="replace")) == (2, 0)
    assert totals(ledger, "mail") == (0, 0)


def test_a_retry_that_is_moved_is_no_failure(broker: LabBroker, ledger: Ledger) -> None:
    @dramatiq.actor(broker=broker, min_backoff=60_000, max_retries=3)
    def fails() -> None:
        raise ValueError("no")

    failing = send(broker, "fails")
    with running_worker(broker):
        record = wait_for_state(ledger, failing, JobState.RETRYING)
        assert record.eta is not None
        ledger.reschedule(failing, record.eta)
    assert totals(ledger) == (0, 1)


def test_the_wait_is_counted_from_when_a_job_was_due(broker: LabBroker, ledger: Ledger) -> None:
    """Not from when it was sent: a job that was sent a while ago for now has hardly waited."""

    @dramatiq.actor(broker=broker)
    def works() -> None: ...

    job = send(broker, delay=1_000)
    with running_worker(broker):
        wait_for_state(ledger, job, JobState.COMPLETED)
    [worst] = waits(ledger)
    assert worst < 1_000


def test_a_job_that_is_let_go_before_its_time_waits_from_then(
    broker: LabBroker, ledger: Ledger
) -> None:
    @dramatiq.actor(broker=broker)
    def works() -> None: ...

    job = send(broker, delay=3_600_000)
    ledger.run_now(job)
    time.sleep(0.1)  # what is to be measured
    with running_worker(broker):
        wait_for_state(ledger, job, JobState.COMPLETED)
    [median] = [one.median_wait for one in ledger.minutes(3) if one.median_wait]
    assert median >= 100


def test_each_start_is_counted_once_also_a_long_jobs(broker: LabBroker, ledger: Ledger) -> None:
    """Its start is written before its end, a quick job's together with it."""

    @dramatiq.actor(broker=broker)
    def works() -> None:
        time.sleep(0.05)  # longer than a start waits for its end

    for _ in range(3):
        send(broker)
    with running_worker(broker):
        wait_until(lambda: ledger.counts()[JobState.COMPLETED] == 3)
    counters = [
        (field, number)
        for key in ledger.client.scan_iter(match="*.minute.*")
        for field, number in ledger.client.hgetall(key).items()
    ]
    assert sum(int(number) for field, number in counters if b"/waited/" in field) == 3


def test_the_steps_of_a_wait_hold_it(ledger: Ledger) -> None:
    """Half of the waits are within the median, and 95 in 100 within the other."""
    minute = int(time.time()) // 60
    key = ledger.keys.minute(minute)
    ledger.client.hset(key, mapping={"q/waited/0": 6, "q/waited/7": 3, "q/waited/13": 1})
    [found] = [one for one in ledger.minutes(2) if one.median_wait is not None]
    assert (found.median_wait, found.p95_wait) == (1, 91)


def test_the_counters_of_a_minute_go_with_the_day(broker: LabBroker, ledger: Ledger) -> None:
    send(broker)
    [key] = ledger.client.scan_iter(match="*.minute.*")
    assert 0 < ledger.client.ttl(key) <= KEPT * 60


def test_who_looks_often_reads_what_is_new(broker: LabBroker, ledger: Ledger) -> None:
    @dramatiq.actor(broker=broker)
    def works() -> None: ...

    recent = Recent()
    now = time.time()
    old = int(now) // 60 - 3
    assert [one.completed for one in recent.read(ledger, now, 5)] == [0] * 5
    ledger.client.hset(ledger.keys.minute(old), "default/completed", 7)
    with running_worker(broker):
        wait_for_state(ledger, send(broker), JobState.COMPLETED)
    assert sum(one.completed for one in recent.read(ledger, now + 1, 5)) == 1, "not the old one"
    assert sum(one.completed for one in recent.read(ledger, now + 7, 5)) == 8, "all anew"
