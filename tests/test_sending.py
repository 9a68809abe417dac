"""Sending: whole or not at all, and refused with words that help."""

from __future__ import annotations

import traceback
from collections.abc import Iterator
from typing import Any

import pytest
from dramatiq import Message

from labkit.actors import actor
from labkit.broker import LabBroker
from labkit.codec import encode
from labkit.errors import ArgumentNotJSON, InvalidSchedule, RedisRefused, RedisUnavailable
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


def test_the_same_message_sent_twice_is_one_job_delivered_twice(
    broker: LabBroker, ledger: Ledger
) -> None:
    runs: list[int] = []

    @actor(broker=broker)
    def count() -> None:
        runs.append(1)

    message = count.message()
    broker.enqueue(message)
    broker.enqueue(message)
    assert ledger.counts()[JobState.ENQUEUED] == 1
    with running_worker(broker):
        wait_until(lambda: len(runs) == 2, 10, "both deliveries have run")
        job = wait_for_state(ledger, message.message_id, JobState.COMPLETED)
        wait_until(
            lambda: len((ledger.job(message.message_id) or job).attempts) == 2,
            10,
            "both attempts are recorded",
        )


def test_an_enqueue_repeated_after_a_lost_reply_changes_nothing(
    broker: LabBroker, ledger: Ledger
) -> None:
    message = Message("default", "any", (), {}, {})
    sent = broker.enqueue(message)
    broker._push([(sent, *encode(sent))])
    assert broker.client.llen("dramatiq:default") == 1
    assert len(list(ledger.events(after="0", block=1))) == 1


def test_and_neither_does_a_repeat_that_comes_when_the_job_has_gone_on(
    broker: LabBroker, ledger: Ledger
) -> None:
    quick_retries(broker, 2)
    runs: list[int] = []

    @actor(broker=broker)
    def fails_once() -> None:
        runs.append(1)
        if len(runs) == 1:
            raise RuntimeError("the first time")

    sent = broker.enqueue(fails_once.message())
    with running_worker(broker):
        wait_for_state(ledger, sent.message_id, JobState.COMPLETED)
        again = broker.enqueue(sent)
        wait_until(lambda: len(runs) == 3, 10, "the second delivery has run")
        wait_for_state(ledger, sent.message_id, JobState.COMPLETED)
    for late in (sent, again):
        broker._push([(late, *encode(late))])
    assert broker.client.llen("dramatiq:default") == 0
    assert ledger.counts() == ONE_EACH | {JobState.COMPLETED: 1}


def test_what_json_cannot_hold_is_refused_and_nothing_is_written(broker: LabBroker) -> None:
    for bad in ({1, 2}, float("nan"), {1: "a"}, b"x"):
        with pytest.raises(ArgumentNotJSON, match="argument 1"):
            broker.enqueue(Message("default", "any", (bad,), {}, {}))
    assert broker.client.keys("*") == []


@pytest.mark.parametrize("delay", [float("nan"), float("inf"), "5", [1]])
def test_a_delay_that_is_no_number_is_refused(broker: LabBroker, delay: Any) -> None:
    with pytest.raises(InvalidSchedule, match="milliseconds"):
        broker.enqueue(Message("default", "any", (), {}, {}), delay=delay)
    assert broker.client.keys("*") == []


def test_a_message_that_could_not_be_written_down_is_refused(broker: LabBroker) -> None:
    for change in ({"queue_name": None}, {"queue_name": "\ud800"}, {"message_id": "a\ud800"}):
        (field,) = change
        with pytest.raises(ArgumentNotJSON, match=f"{field} is .* and a text is meant"):
            broker.enqueue(Message("default", "any", (), {}, {}).copy(**change))
    for options in ({}, {"eta": "soon"}):
        with pytest.raises(InvalidSchedule, match="eta says no time"):
            broker.enqueue(Message("default.DQ", "any", (), {}, options))
    assert broker.client.keys("*") == []


def test_a_redis_that_is_down_is_named_without_its_password() -> None:
    password = "".join(["hunter", "2"])
    broker = LabBroker(url=f"redis://:{password}@127.0.0.1:1/0")
    with pytest.raises(RedisUnavailable) as caught:
        broker.enqueue(Message("default", "any", (), {}, {}))
    assert "127.0.0.1:1" in str(caught.value)
    assert password not in "".join(traceback.format_exception(caught.value))


def test_a_full_redis_refuses_at_the_call_and_keeps_what_it_took() -> None:
    with ThrowawayRedis() as server:
        broker = LabBroker(url=server.url)
        broker.enqueue(Message("default", "any", (1,), {}, {}))
        client = server.client()
        client.config_set("maxmemory", "1mb")
        with pytest.raises(RedisRefused, match="memory"):
            broker.enqueue(Message("default", "any", (2,), {}, {}))
        assert client.llen("dramatiq:default") == 1
        ledger = Ledger(server.url)
        assert ledger.counts()[JobState.ENQUEUED] == 1
        for each in (client, ledger.client, broker.client):
            each.close()


def test_bulk_goes_in_slices_and_says_which_one_failed(
    redis_url: str, broker: LabBroker, ledger: Ledger
) -> None:
    @actor(broker=broker)
    def work(n: int) -> None: ...

    messages = work.send_many([(n,) for n in range(2_500)])
    assert len({message.message_id for message in messages}) == 2_500
    assert ledger.counts()[JobState.ENQUEUED] == broker.client.llen("dramatiq:default") == 2_500

    broker.client.set("dramatiq:broken", "a text where a list should be")

    @actor(broker=broker, queue_name="broken")
    def never(n: int) -> None: ...

    with pytest.raises(RedisRefused) as caught:
        never.send_many([(n,) for n in range(1_500)])
    assert "Messages 0 to 999" in "".join(caught.value.__notes__)


def test_purging_a_queue_cancels_its_jobs(broker: LabBroker, ledger: Ledger) -> None:
    @actor(broker=broker)
    def work() -> None: ...

    work.send()
    work.send_with_options(delay=60_000)
    broker.flush("default")
    assert ledger.counts() == ONE_EACH | {JobState.CANCELLED: 2}
    assert broker.do_qsize("default") == 0
