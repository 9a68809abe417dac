"""Beside stock producers and workers the records are true within two seconds."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import Any

import dramatiq
import pytest
from dramatiq import Worker
from dramatiq.brokers.redis import RedisBroker
from dramatiq.middleware import Retries

from labkit.actors import actor
from labkit.broker import LabBroker
from labkit.ledger.check import check
from labkit.ledger.reader import Ledger
from labkit.ledger.reconcile import Reconciler
from labkit.ledger.records import JobState
from tests.support import wait_until
from tests.support_jobs import running_worker, wait_for_state

gate = threading.Event()
WITHIN = 5  # seconds that a loaded machine gets for what takes two


def body(mood: str) -> None:
    if mood == "wait":
        gate.wait(10)
    if mood == "fail":
        raise RuntimeError("as told")


@pytest.fixture
def stock(redis_url: str) -> Iterator[RedisBroker]:
    gate.clear()
    broker = RedisBroker(url=redis_url)
    for middleware in broker.middleware:
        if isinstance(middleware, Retries):
            middleware.max_retries = 0
    yield broker
    broker.client.close()


@pytest.fixture
def ours(redis_url: str) -> LabBroker:
    return LabBroker(url=redis_url)


@pytest.fixture
def reconcile(ledger: Ledger) -> Callable[[], int]:
    """What a labkit worker does once a second, and the board where there is none."""
    reconciler = Reconciler(ledger.client, ledger.namespace, ledger.call, lambda: ["default"])
    return lambda: reconciler.run() if reconciler.is_needed() else 0


def declare(broker: RedisBroker, **options: Any) -> Any:
    return dramatiq.actor(broker=broker, actor_name="work", **options)(body)


def test_with_our_writers_alone_nothing_is_to_be_done(
    ours: LabBroker, ledger: Ledger, reconcile: Callable[[], int]
) -> None:
    work = actor(broker=ours, actor_name="work")(body)
    work.send("ok")
    work.send_with_options(args=("ok",), delay=60_000)
    reconciler = Reconciler(ledger.client, ledger.namespace, ledger.call)
    assert not reconciler.is_needed()
    with running_worker(ours):
        wait_until(lambda: ledger.counts()[JobState.COMPLETED] == 1, 10, "it has run")
        assert not reconciler.is_needed()
    assert check(ledger) == []


def test_a_job_of_ours_that_a_stock_worker_ran_is_completed_elsewhere(
    stock: RedisBroker, ours: LabBroker, ledger: Ledger, reconcile: Callable[[], int]
) -> None:
    sent = actor(broker=ours, actor_name="work")(body).send("ok")
    declare(stock)
    worker = Worker(stock, worker_threads=1, worker_timeout=50)
    worker.start()
    try:
        wait_until(lambda: stock.do_qsize("default") == 0, 10, "stock has run it")
        reconcile()
    finally:
        worker.stop()
    job = ledger.job(sent.message_id)
    assert job is not None
    assert job.state is JobState.COMPLETED
    assert [attempt.worker for attempt in job.attempts] == ["elsewhere"]
    assert check(ledger) == []


def test_what_a_stock_worker_retries_and_buries_is_followed(
    stock: RedisBroker, ours: LabBroker, ledger: Ledger, reconcile: Callable[[], int]
) -> None:
    work = actor(broker=ours, actor_name="work")(body)
    retried = work.send_with_options(args=("fail",), max_retries=1, min_backoff=60_000)
    buried = work.send_with_options(args=("fail",), max_retries=0)
    declare(stock)
    worker = Worker(stock, worker_threads=1, worker_timeout=50)
    worker.start()
    try:

        def followed() -> bool:
            reconcile()
            jobs = [ledger.job(sent.message_id) for sent in (retried, buried)]
            return [job.state for job in jobs if job] == [JobState.RETRYING, JobState.DEAD]

        wait_until(followed, WITHIN, "one is retrying, the other dead")
    finally:
        worker.stop()
    reconcile()
    assert check(ledger) == []


def test_what_a_stock_producer_sends_is_recorded(
    stock: RedisBroker, ledger: Ledger, reconcile: Callable[[], int]
) -> None:
    work = declare(stock)
    now, later = work.send("ok"), work.send_with_options(args=("ok",), delay=60_000)
    reconcile()
    states = [ledger.job(sent.message_id).state for sent in (now, later)]  # type: ignore[union-attr]
    assert states == [JobState.ENQUEUED, JobState.SCHEDULED]
    job = ledger.job(now.message_id)
    assert job is not None
    assert (job.actor, job.args, job.queue) == ("work", ("ok",), "default")
    assert check(ledger) == []


def test_a_labkit_worker_reconciles_by_itself(
    stock: RedisBroker, ours: LabBroker, ledger: Ledger
) -> None:
    actor(broker=ours, actor_name="work", queue_name="ours")(body)
    other = declare(stock, queue_name="theirs")
    with running_worker(ours):
        ours.declare_queue("theirs2")
        sent = other.send("ok")
        # A queue that nobody of ours has met is met with the first look at its worker's card.
        ours.client.sadd(ledger.keys.queues, "theirs")
        wait_until(lambda: ledger.job(sent.message_id), WITHIN, "the stock job is recorded")
        worker = Worker(stock, worker_threads=1, worker_timeout=50)
        worker.start()
        try:
            done = wait_for_state(ledger, sent.message_id, JobState.COMPLETED)
        finally:
            worker.stop()
    assert done.attempts[-1].worker == "elsewhere"


def test_a_message_that_is_no_message_is_recorded_and_buried(
    stock: RedisBroker, ours: LabBroker, ledger: Ledger, reconcile: Callable[[], int]
) -> None:
    for name, payload in (("a", b"\xff\xfe"), ("b", b"[]"), ("c", b'{"queue_name": 1}')):
        stock.do_enqueue("default", name, payload)
        stock.do_enqueue("default.DQ", name + "d", payload)
    actor(broker=ours, actor_name="work")(body)
    reconcile()
    with running_worker(ours):
        wait_until(lambda: ours.client.zcard("dramatiq:default.XQ") == 6, 10, "all six are dead")
        reconcile()
    assert ledger.counts()[JobState.DEAD] == 6


def test_the_checker_names_each_kind_of_difference(ours: LabBroker, ledger: Ledger) -> None:
    work = actor(broker=ours, actor_name="work")(body)
    ids = [work.send("ok").message_id for _ in range(6)]
    client, k = ours.client, ledger.keys
    deliveries = {
        name.decode().split("#")[0]: name for name in client.hkeys("dramatiq:default.msgs")
    }
    client.hdel("dramatiq:default.msgs", deliveries[ids[0]])  # its message has gone
    client.zadd(k.state("dead"), {ids[1]: 1})  # in two sets
    client.lrem("dramatiq:default", 1, deliveries[ids[2]])  # waits nowhere
    client.hdel(k.jobs, ids[3])  # no record
    client.hset(k.jobs, ids[4], "mangled")
    told = "\n".join(map(str, check(ledger)))
    for job_id, words in zip(
        ids,
        ("has no message of it", "in the sets", "waits 0 times", "no record", "cannot be read"),
        strict=False,
    ):
        assert any(job_id in line and words in line for line in told.splitlines()), (words, told)
    assert ids[5] not in told
