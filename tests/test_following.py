"""What a watcher asks of a ledger."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest
from dramatiq import Message

from labkit.broker import LabBroker
from labkit.errors import RedisUnavailable
from labkit.ledger import following
from labkit.ledger.reader import Ledger

if TYPE_CHECKING:
    pass


def send(broker: LabBroker, many: int = 1) -> list[str]:
    messages: list[Message[object]] = [
        Message("default", "task_logger", (), {}, {}) for _ in range(many)
    ]
    return [message.message_id for message in broker.enqueue_many(messages)]


def test_what_comes_behind_a_position_is_new(ledger: Ledger, broker: LabBroker) -> None:
    assert following.position(ledger) == "0"
    assert not following.wait(ledger, "0", block=1)
    send(broker)
    assert following.wait(ledger, "0", block=5_000)
    here = following.position(ledger)
    assert not following.wait(ledger, here, block=1)
    send(broker)
    assert following.wait(ledger, here, block=5_000)


def test_recent_jobs_newest_first_and_in_an_order_that_stays(
    ledger: Ledger, broker: LabBroker
) -> None:
    sent = send(broker, 8)  # in one script, so within one millisecond
    expected = sent[::-1]
    assert [job.id for job in following.recent(ledger, 20)] == expected
    assert [job.id for job in following.recent(ledger, 3)] == expected[:3]
    later = send(broker)
    assert [job.id for job in following.recent(ledger, 3)] == [*later, *expected[:2]]


def test_what_was_cleared_is_not_recent(ledger: Ledger, broker: LabBroker) -> None:
    send(broker, 3)
    ledger.clear()
    assert following.recent(ledger) == []
    [job_id] = send(broker)
    assert [job.id for job in following.recent(ledger)] == [job_id]


def test_where_all_that_changed_last_was_deleted_the_others_are_shown(
    ledger: Ledger, broker: LabBroker
) -> None:
    kept = send(broker, 2)
    for job_id in send(broker, 10):
        ledger.cancel(job_id)
        ledger.delete(job_id)
    assert {job.id for job in following.recent(ledger, 2)} == set(kept)
    assert len(following.recent(ledger, 1)) == 1


def test_workers_that_live(ledger: Ledger, broker: LabBroker) -> None:
    assert ledger.workers() == []
    card = '{"host":"h","pid":%d,"threads":4,"queues":["default"],"actors":["a","b"],"since":%d}'
    now = time.time() * 1000
    ledger.client.zadd(
        "dramatiq:__heartbeats__", {"young": now, "old": now, "stock": now, "dead": now - 9_000}
    )
    ledger.client.hset(ledger.keys.workers, "young", card % (7, 2_000))
    ledger.client.hset(ledger.keys.workers, "old", card % (8, 1_000))
    ledger.client.hset(ledger.keys.workers, "dead", card % (9, 3_000))
    assert [worker.name for worker in ledger.workers()] == ["old", "young"]
    assert ledger.workers()[0].actors == ("a", "b")


def test_the_servers_clock(ledger: Ledger) -> None:
    assert abs(following.clock(ledger) - time.time()) < 5


def test_nothing_answers() -> None:
    lost = Ledger("redis://127.0.0.1:1/0")
    for ask in (following.position, Ledger.workers, following.recent, following.clock):
        with pytest.raises(RedisUnavailable):
            ask(lost)


def test_a_record_that_cannot_be_read_hides_no_other(ledger: Ledger, broker: LabBroker) -> None:
    [bad], [good] = send(broker), send(broker)
    first, *_ = ledger.client.hget(ledger.keys.jobs, bad).split(b"\n")  # type: ignore[union-attr]
    deep = b'{"queue_name":"q","actor_name":"a","args":' + b"[" * 5_000 + b"]" * 5_000 + b"}"
    ledger.client.hset(ledger.keys.jobs, bad, first + b"\n" + deep)
    found = {job.id: job.actor for job in following.recent(ledger)}
    assert found == {good: "task_logger", bad: "(unreadable record)"}
