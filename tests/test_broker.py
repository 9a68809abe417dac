"""LabBroker: every step is recorded with the step itself."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from typing import Any

import dramatiq
import pytest
from dramatiq import Message, Middleware, group, pipeline
from dramatiq.brokers.redis import RedisBroker
from dramatiq.middleware import SkipMessage

from labkit.actors import actor
from labkit.broker import LabBroker
from labkit.ledger.check import check
from labkit.ledger.reader import Ledger
from labkit.ledger.records import JobState
from labkit.redis_server import ThrowawayRedis
from tests.support import wait_until
from tests.support_jobs import quick_retries, running_worker, wait_for_state

ONE_EACH = dict.fromkeys(JobState, 0)


@pytest.fixture
def broker(redis_url: str) -> Iterator[LabBroker]:
    broker = LabBroker(url=redis_url)
    quick_retries(broker, 0)
    yield broker
    broker.client.close()


def test_a_job_goes_from_enqueued_through_running_to_completed(
    broker: LabBroker, ledger: Ledger
) -> None:
    gate = threading.Event()

    @actor(broker=broker)
    def wait_at_gate(name: str) -> None:
        gate.wait(10)

    message = wait_at_gate.send("ann")
    assert ledger.counts() == ONE_EACH | {JobState.ENQUEUED: 1}

    with running_worker(broker):
        running = wait_for_state(ledger, message.message_id, JobState.RUNNING)
        assert running.started_at is not None
        assert running.finished_at is None
        gate.set()
        done = wait_for_state(ledger, message.message_id, JobState.COMPLETED)

    assert ledger.counts() == ONE_EACH | {JobState.COMPLETED: 1}
    assert (done.actor, done.queue, done.args) == ("wait_at_gate", "default", ("ann",))
    assert done.enqueued_at
    assert done.started_at
    assert done.finished_at
    assert done.enqueued_at <= done.started_at <= done.finished_at
    (attempt,) = done.attempts
    assert attempt.error is None
    assert attempt.worker == broker.worker_name


def test_a_delayed_job_is_scheduled_with_its_eta_and_then_runs(
    broker: LabBroker, ledger: Ledger
) -> None:
    @actor(broker=broker)
    def later() -> None: ...

    before = time.time()
    message = later.send_with_options(delay=300)
    job = ledger.job(message.message_id)
    assert job is not None
    assert job.eta is not None
    assert job.state is JobState.SCHEDULED
    assert 0.25 <= job.eta.timestamp() - before <= 2

    with running_worker(broker):
        done = wait_for_state(ledger, message.message_id, JobState.COMPLETED)
    assert done.started_at is not None
    assert done.started_at >= job.eta
    assert ledger.counts() == ONE_EACH | {JobState.COMPLETED: 1}


def test_a_failing_job_is_retried_and_each_attempt_keeps_its_traceback(
    broker: LabBroker, ledger: Ledger
) -> None:
    quick_retries(broker, 2)
    runs: list[int] = []

    @actor(broker=broker)
    def third_time_lucky() -> None:
        runs.append(1)
        if len(runs) < 3:
            raise RuntimeError(f"no luck {len(runs)}")

    message = third_time_lucky.send()
    with running_worker(broker):
        done = wait_for_state(ledger, message.message_id, JobState.COMPLETED)
    assert [attempt.error for attempt in done.attempts] == [
        "RuntimeError: no luck 1",
        "RuntimeError: no luck 2",
        None,
    ]
    assert "third_time_lucky" in (done.attempts[0].traceback or "")


def test_while_it_waits_for_its_next_attempt_a_job_is_retrying(
    broker: LabBroker, ledger: Ledger
) -> None:
    quick_retries(broker, 1, backoff=60_000)

    @actor(broker=broker)
    def fail() -> None:
        raise RuntimeError("broken")

    message = fail.send()
    with running_worker(broker):
        job = wait_for_state(ledger, message.message_id, JobState.RETRYING)
        assert ledger.counts() == ONE_EACH | {JobState.RETRYING: 1}
    assert job.error == "RuntimeError: broken"
    assert job.eta is not None


def test_a_job_without_retries_left_is_dead_and_its_letter_holds_the_last_traceback(
    broker: LabBroker, ledger: Ledger
) -> None:
    @actor(broker=broker, max_retries=0)
    def fail() -> None:
        raise RuntimeError("the last word")

    message = fail.send()
    with running_worker(broker):
        job = wait_for_state(ledger, message.message_id, JobState.DEAD)
    assert job.error == "RuntimeError: the last word"
    (letter,) = broker.client.hvals("dramatiq:default.XQ.msgs")
    assert "the last word" in json.loads(letter)["options"]["traceback"]


def test_a_job_of_an_actor_that_the_worker_lacks_is_dead_and_says_so(
    broker: LabBroker, ledger: Ledger
) -> None:
    broker.declare_queue("default")
    message = Message("default", "nobody_knows", (), {}, {})
    broker.enqueue(message)
    with running_worker(broker):
        job = wait_for_state(ledger, message.message_id, JobState.DEAD)
    assert job.error is not None
    assert job.error.startswith("ActorNotFound")


def test_a_skipped_job_is_cancelled(broker: LabBroker, ledger: Ledger) -> None:
    class SkipAll(Middleware):
        def before_process_message(self, broker: Any, message: Any) -> None:
            raise SkipMessage("not today")

    broker.add_middleware(SkipAll())

    @actor(broker=broker)
    def unlucky() -> None: ...

    message = unlucky.send()
    with running_worker(broker):
        job = wait_for_state(ledger, message.message_id, JobState.CANCELLED)
    assert job.started_at is None


def test_a_pipeline_and_a_callback_go_out_with_the_ack(broker: LabBroker, ledger: Ledger) -> None:
    results: list[int] = []

    @actor(broker=broker)
    def double(x: int) -> int:
        return 2 * x

    @actor(broker=broker)
    def keep(x: int) -> None:
        results.append(x)

    with running_worker(broker):
        pipeline([double.message(1), double.message(), keep.message()], broker=broker).run()
        wait_until(lambda: results == [4], 10, "the pipeline has ended")
        wait_until(
            lambda: ledger.counts()[JobState.COMPLETED] == 3, 10, "all three jobs are completed"
        )


def test_a_late_ack_changes_nothing(broker: LabBroker, ledger: Ledger) -> None:
    @actor(broker=broker)
    def work() -> None: ...

    sent = work.send()
    consumer = broker.consume("default")
    delivery = next(consumer)
    assert delivery is not None
    consumer.ack(delivery)
    before = ledger.job(sent.message_id)
    consumer.ack(delivery)
    consumer.nack(delivery)
    assert ledger.job(sent.message_id) == before
    assert ledger.counts() == ONE_EACH | {JobState.COMPLETED: 1}


def test_the_records_are_kept_to_a_bound(redis_url: str, ledger: Ledger) -> None:
    broker = LabBroker(url=redis_url)
    broker.keep_jobs = 3

    @actor(broker=broker)
    def work(n: int) -> None: ...

    work.send_many([(n,) for n in range(10)])
    with running_worker(broker):
        wait_until(lambda: broker.do_qsize("default") == 0, 10, "all jobs have run")
    kept = ledger.jobs("completed")
    assert len(kept) == ledger.counts()[JobState.COMPLETED] == 3
    assert broker.client.hlen(ledger.keys.jobs) == 3


def test_a_dead_letter_goes_with_its_record(broker: LabBroker, ledger: Ledger) -> None:
    broker.keep_jobs = 3
    sent = broker.enqueue_many([Message("default", "nobody", (n,), {}, {}) for n in range(10)])
    broker.declare_queue("default")
    with running_worker(broker):
        wait_for_state(ledger, sent[-1].message_id, JobState.DEAD)
    assert ledger.counts()[JobState.DEAD] == broker.client.zcard("dramatiq:default.XQ") == 3
    assert broker.client.hlen("dramatiq:default.XQ.msgs") == 3


def test_stock_producers_and_workers_share_the_queue(
    redis_url: str, broker: LabBroker, ledger: Ledger
) -> None:
    stock = RedisBroker(url=redis_url)
    ran: list[str] = []

    @actor(broker=broker, actor_name="shared")
    def ours(name: str) -> None:
        ran.append(name)

    @dramatiq.actor(broker=stock, actor_name="shared")
    def theirs(name: str) -> None:
        ran.append(name)

    sent = theirs.send("from stock to ours")
    with running_worker(broker):
        wait_until(lambda: len(ran) == 1, 10, "our worker ran the stock message")
        wait_for_state(ledger, sent.message_id, JobState.COMPLETED)

    ours.send("from ours to stock")
    worker = dramatiq.Worker(stock, worker_threads=1, worker_timeout=50)
    worker.start()
    try:
        wait_until(lambda: len(ran) == 2, 10, "the stock worker ran our message")
    finally:
        worker.stop()


def test_groups_complete(broker: LabBroker) -> None:
    from dramatiq.results import Results
    from dramatiq.results.backends import RedisBackend

    broker.add_middleware(Results(backend=RedisBackend(client=broker.client)))

    @actor(broker=broker, store_results=True)
    def square(x: int) -> int:
        return x * x

    with running_worker(broker):
        results = group([square.message(n) for n in (1, 2, 3)], broker=broker).run()
        assert list(results.get_results(block=True, timeout=10_000)) == [1, 4, 9]


def test_a_full_redis_lets_workers_finish_what_it_took() -> None:
    with ThrowawayRedis() as server:
        broker = LabBroker(url=server.url)
        quick_retries(broker, 1)
        failures: list[int] = []

        @actor(broker=broker)
        def work(n: int) -> None:
            if n == 0 and not failures:
                failures.append(n)
                raise RuntimeError("once")

        work.send_many([(n,) for n in range(20)])
        work.send_with_options(args=(20,), delay=200)
        server.client().config_set("maxmemory", "1mb")
        ledger = Ledger(server.url)
        with running_worker(broker):
            wait_until(lambda: ledger.counts()[JobState.COMPLETED] == 21, 10, "all are completed")
        assert check(ledger) == []
