"""The holes of the stock broker: each is shown on stock Dramatiq, and is not there on ours.

Every test runs twice, and says what it expects of the stock broker, so that a hole that upstream
closes is noticed. The letters are those of the list in ``CONTRIBUTING.md``.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import dramatiq
import pytest
import redis
from dramatiq import Message, Worker, pipeline
from dramatiq.brokers.redis import RedisBroker
from dramatiq.middleware import Retries

from labkit.broker import LabBroker
from labkit.ledger.check import check
from labkit.ledger.reader import Ledger
from labkit.redis_server import ThrowawayRedis
from tests.support import wait_until
from tests.support_proxy import LossyProxy


@dataclass
class Rig:
    """A Redis, a proxy before it that loses replies, and a broker of either kind behind that."""

    is_stock: bool
    server: ThrowawayRedis
    proxy: LossyProxy
    broker: RedisBroker
    client: redis.Redis

    def actor(self, fn: Callable[..., Any], **options: Any) -> Any:
        return dramatiq.actor(broker=self.broker, **options)(fn)

    def start_worker(self, threads: int = 1) -> Worker:
        worker = Worker(self.broker, worker_threads=threads, worker_timeout=50)
        worker.start()
        return worker

    def messages(self) -> int:
        """Messages that are anywhere: waiting, held, delayed or dead."""
        return sum(self.client.hlen(key) for key in self.client.keys("dramatiq:*.msgs"))

    def request(self, stock: str, ours: str) -> bytes:
        """Bytes by which a request is known: a command of stock's script, or a script of ours."""
        if isinstance(self.broker, LabBroker):
            return str(self.broker._lua[ours].sha).encode()
        return f"${len(stock)}\r\n{stock}\r\n".encode()

    def lose_what_hooks_send(self) -> None:
        """Redis fails while a retry or the next of a pipeline is written, and then is back."""
        # redis-py by itself tries four times on stock's connection.
        self.proxy.lose_request(self.request("enqueue", "settle"), times=4)

    def held(self) -> int:
        return sum(self.client.scard(key) for key in self.client.keys("dramatiq:__acks__.*"))


@pytest.fixture(params=["stock", "labkit"])
def rig(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Rig]:
    # Both kinds try again at once instead of after three and five seconds.
    monkeypatch.setattr("dramatiq.worker.CONSUMER_RESTART_DELAY_SECS", 0.05)
    monkeypatch.setattr("dramatiq.worker.POST_PROCESS_MESSAGE_RETRY_DELAY_SECS", 0.05)
    with ThrowawayRedis() as server, LossyProxy(server.url) as proxy:
        is_stock = request.param == "stock"
        broker: RedisBroker = (RedisBroker if is_stock else LabBroker)(url=proxy.url)
        for middleware in broker.middleware:
            if isinstance(middleware, Retries):
                middleware.max_retries, middleware.min_backoff = 3, 10
        rig = Rig(is_stock, server, proxy, broker, server.client())
        yield rig
        broker.client.close()
        rig.client.close()


@pytest.mark.allow_critical
def test_l1_a_retry_whose_enqueue_fails_is_not_lost(rig: Rig) -> None:
    runs: list[int] = []

    def fail_once() -> None:
        runs.append(1)
        if len(runs) == 1:
            rig.lose_what_hooks_send()
            raise RuntimeError("try again")

    rig.actor(fail_once, min_backoff=10, max_backoff=10).send()
    worker = rig.start_worker()
    try:
        if rig.is_stock:
            wait_until(lambda: rig.messages() == 0, 20, "stock has lost the job")
            assert len(runs) == 1
        else:
            wait_until(lambda: len(runs) == 2, 20, "the retry has run")
    finally:
        worker.stop()


@pytest.mark.allow_critical
def test_l2_the_next_of_a_pipeline_is_not_lost(rig: Rig) -> None:
    ran: list[str] = []

    def first() -> int:
        ran.append("first")
        rig.lose_what_hooks_send()
        return 1

    def second(n: int) -> None:
        ran.append("second")

    one, two = rig.actor(first), rig.actor(second)
    pipeline([one.message(), two.message()], broker=rig.broker).run()
    worker = rig.start_worker()
    try:
        if rig.is_stock:
            wait_until(lambda: rig.messages() == 0, 20, "stock has lost the second job")
            assert ran == ["first"]
        else:
            wait_until(lambda: ran == ["first", "second"], 20, "both have run")
    finally:
        worker.stop()


@pytest.mark.allow_critical
def test_l4_a_fetch_whose_reply_is_lost_is_taken_back(rig: Rig) -> None:
    ran: list[int] = []

    def work(n: int) -> None:
        ran.append(n)

    actor = rig.actor(work)
    for n in range(2):
        actor.send(n)
    # redis-py repeats stock's fetch, so each of its repeats takes another two jobs along.
    rig.proxy.lose_reply_to(rig.request("fetch", "fetch"), times=4 if rig.is_stock else 1)
    worker = rig.start_worker()
    try:
        if rig.is_stock:
            wait_until(lambda: rig.held() == 2, 10, "stock holds what it never saw")
            time.sleep(0.5)
            assert (ran, rig.held()) == ([], 2)
        else:
            wait_until(lambda: sorted(ran) == [0, 1], 10, "both have run")
    finally:
        worker.stop()


@pytest.mark.allow_critical
def test_l5_a_connection_error_does_not_drop_delayed_jobs(rig: Rig) -> None:
    ran: list[int] = []

    def work() -> None:
        ran.append(1)

    actor = rig.actor(work)
    worker = rig.start_worker()
    try:
        actor.send_with_options(delay=700)
        if rig.is_stock:
            wait_until(lambda: rig.held() == 1, 5, "stock has it in memory")
        # redis-py tries four times for each of stock's two consumers.
        rig.proxy.lose_request(rig.request("fetch", "promote"), times=8 if rig.is_stock else 2)
        if rig.is_stock:
            time.sleep(1.5)
            assert (ran, rig.held()) == ([], 1)
        else:
            wait_until(lambda: ran == [1], 10, "the delayed job has run")
    finally:
        worker.stop()


def test_l6_far_jobs_do_not_block_a_near_one(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dramatiq.worker.DELAY_QUEUE_PREFETCH", 50)  # 1000 a thread by default
    ran: list[int] = []

    def work(n: int) -> None:
        ran.append(n)

    actor = rig.actor(work)
    for n in range(51):
        actor.send_with_options(args=(n,), delay=3_600_000)
    actor.send_with_options(args=(99,), delay=100)
    worker = rig.start_worker()
    try:
        if rig.is_stock:
            time.sleep(1.5)
            assert ran == []
        else:
            wait_until(lambda: ran == [99], 10, "the near job has run")
    finally:
        worker.stop()


@pytest.mark.allow_critical
def test_l7_an_ack_that_times_out_is_repeated(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    ran: list[int] = []

    def work() -> None:
        ran.append(1)

    actor = rig.actor(work)
    failures = iter([redis.TimeoutError("no answer in time")])

    def time_out_once(call: Callable[..., Any]) -> Callable[..., Any]:
        def wrapped(*args: Any, **kwargs: Any) -> Any:
            for error in failures:
                raise error
            return call(*args, **kwargs)

        return wrapped

    # The call under the ack fails once, whichever broker makes it.
    name = "do_ack" if rig.is_stock else "_write_ends"
    monkeypatch.setattr(rig.broker, name, time_out_once(getattr(rig.broker, name)), raising=False)
    worker = rig.start_worker()
    try:
        actor.send()
        wait_until(lambda: ran == [1], 10, "the job has run")
        if rig.is_stock:
            time.sleep(0.5)
            assert rig.held() == 1
        else:
            wait_until(lambda: rig.held() == 0, 10, "the ack has arrived")
    finally:
        worker.stop()


def test_d1_an_enqueue_whose_reply_is_lost_can_be_repeated(rig: Rig) -> None:
    message = Message("default", "work", (), {}, {})
    rig.broker.declare_queue("default")
    if rig.is_stock:
        message = message.copy(options={"redis_message_id": "the-same"})
        for _ in range(2):  # as redis-py's own retries would
            rig.broker.do_enqueue("default", "the-same", message.encode())
        assert rig.client.llen("dramatiq:default") == 2
        return
    assert isinstance(rig.broker, LabBroker)
    rig.proxy.lose_reply_to(rig.request("enqueue", "enqueue"))
    sent = rig.broker.enqueue(message)
    assert rig.proxy.lost == 1
    assert rig.client.llen("dramatiq:default") == 1
    assert check(Ledger(rig.server.url)) == []
    assert sent.message_id == message.message_id


@pytest.mark.allow_critical
def test_d2_from_the_delayed_queue_to_the_queue_is_one_step(rig: Rig) -> None:
    """A worker that dies between stock's two steps leaves the job twice."""
    gate = threading.Event()
    actor = rig.actor(lambda: gate.wait(10), actor_name="work")
    rig.proxy.lose_request(rig.request("ack", "settle"), times=1_000)
    actor.send_with_options(delay=50)
    worker = rig.start_worker()
    try:
        waiting = "dramatiq:default.msgs"
        wait_until(lambda: rig.client.hlen(waiting) == 1, 10, "the job is promoted")
        assert rig.messages() == (2 if rig.is_stock else 1)
    finally:
        gate.set()
        rig.proxy.forget()
        worker.stop()


def test_r2_the_dead_letter_holds_the_last_traceback(rig: Rig) -> None:
    def fail() -> None:
        raise RuntimeError("the last word")

    rig.actor(fail, max_retries=0).send()
    worker = rig.start_worker()
    try:
        wait_until(lambda: rig.client.hlen("dramatiq:default.XQ.msgs") == 1, 10, "it is dead")
    finally:
        worker.stop()
    (letter,) = rig.client.hvals("dramatiq:default.XQ.msgs")
    traceback = json.loads(letter)["options"].get("traceback", "")
    assert ("the last word" in traceback) is not rig.is_stock
