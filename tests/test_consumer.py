"""LabConsumer: how much it holds, and that it wakes in time."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest
import redis
from dramatiq import Message

from labkit.broker import LabBroker
from labkit.redis_server import ThrowawayRedis


@pytest.fixture
def broker(redis_url: str) -> Iterator[LabBroker]:
    broker = LabBroker(url=redis_url)
    broker.declare_queue("default")
    yield broker
    broker.client.close()


def fill(broker: LabBroker, count: int) -> None:
    broker.enqueue_many([Message("default", "any", (n,), {}, {}) for n in range(count)])


def test_it_holds_more_when_its_worker_is_quick(broker: LabBroker) -> None:
    fill(broker, 1_000)
    consumer = broker.consume("default", prefetch=2, timeout=50)
    first = next(consumer)
    assert first is not None
    assert consumer.outstanding_message_count == 2
    consumer.ack(first)
    most = 0
    for _ in range(900):
        message = next(consumer)
        assert message is not None
        most = max(most, consumer.outstanding_message_count)
        consumer.ack(message)
    assert most > 20
    consumer.close()


def test_and_when_its_worker_slows_down_it_waits_until_it_holds_less(
    broker: LabBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(broker, 200)
    consumer = broker.consume("default", prefetch=2, timeout=50)
    consumer._limit = 100  # type: ignore[attr-defined]  # as after a rush
    held = [next(consumer) for _ in range(100)]
    for message in held[:60]:
        assert message is not None
        consumer.ack(message)
    monkeypatch.setattr("labkit.consumer.AHEAD_SECONDS", 0.0)  # now two are enough
    assert next(consumer) is None
    assert consumer.outstanding_message_count == 40
    for message in held[60:]:
        assert message is not None
        consumer.ack(message)
    assert next(consumer) is not None
    assert consumer.outstanding_message_count == 2
    consumer.close()


def test_an_idle_one_wakes_when_a_job_comes_and_leaves_the_list_as_it_was(
    broker: LabBroker,
) -> None:
    consumer = broker.consume("default", prefetch=1, timeout=20_000)
    threading.Timer(0.2, fill, (broker, 3)).start()
    message = next(consumer)  # None, were it not woken: Redis lets go after half the timeout
    assert message is not None
    assert message.args == (0,)
    assert broker.client.llen("dramatiq:default") == 2
    consumer.close()


def test_a_wait_goes_on_from_one_call_to_the_next(broker: LabBroker) -> None:
    waiter = broker.new_waiter("default")
    before = int(broker.client.info("stats")["total_commands_processed"])
    assert not any(waiter.wait(10) for _ in range(20))
    spent = int(broker.client.info("stats")["total_commands_processed"]) - before
    assert spent <= 8  # to connect, the one command that blocks, and this question
    fill(broker, 1)
    assert waiter.wait(5_000)
    waiter.close()


def test_a_wait_on_a_server_that_is_gone_says_so() -> None:
    with ThrowawayRedis() as server:
        broker = LabBroker(url=server.url)
        waiter = broker.new_waiter("default")
        assert not waiter.wait(1)
        server.kill()
        with pytest.raises(redis.ConnectionError):
            waiter.wait(5_000)
        server.restart()
        assert not waiter.wait(1)
        waiter.close()
