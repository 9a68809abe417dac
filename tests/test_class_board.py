"""The class board: everybody's standing in one round trip, and nothing written."""

from __future__ import annotations

import dramatiq
import pytest
import redis
from dramatiq import Message

from labkit.broker import LabBroker
from labkit.errors import RedisUnavailable
from labkit.ledger.namespaces import Namespaces
from labkit.ledger.reader import Ledger
from labkit.ledger.records import JobState
from labkit.redis_server import ThrowawayRedis
from labkit.widgets import ClassBoard
from tests.support import wait_until
from tests.support_jobs import running_worker
from tests.support_widgets import FakePage


def send(url: str, namespace: str, count: int, delay: int | None = None) -> LabBroker:
    broker = LabBroker(url=url, namespace=namespace)
    messages: list[Message[None]] = [
        Message("default", "nothing", (), {}, {}) for _ in range(count)
    ]
    broker.enqueue_many(messages, delay=delay)
    return broker


def test_each_namespace_is_counted_by_itself(redis_url: str) -> None:
    with redis.Redis.from_url(redis_url) as stranger:
        stranger.set("shop:basket:7", "milk")
    send(redis_url, "ann", 3)
    bob = send(redis_url, "bob-1a2b", 2)
    send(redis_url, "bob-1a2b", 1, delay=60_000)
    dramatiq.actor(lambda: None, actor_name="nothing", broker=bob)
    with running_worker(bob):
        ledger = Ledger(redis_url, "bob-1a2b")
        wait_until(lambda: ledger.counts()[JobState.COMPLETED] == 2)
        ann, second = Namespaces(redis_url).look()
    assert (ann.namespace, second.namespace) == ("ann", "bob-1a2b")
    for one in (ann, second):
        assert one.counts == Ledger(redis_url, one.namespace).counts()
    assert (ann.workers, second.workers) == (0, 1)
    assert ann.changed_at < second.changed_at


def test_a_look_is_one_round_trip_and_writes_nothing(
    redis_url: str, throwaway_redis: ThrowawayRedis, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(30):
        send(redis_url, f"learner{number}", 2)
    room = Namespaces(redis_url)
    room.look()
    client = throwaway_redis.client()
    before = {key: client.dump(key) for key in client.scan_iter()}
    sent: list[str] = []
    send_command = redis.Connection.send_command

    def listen(self: redis.Connection, *words: str, **options: object) -> None:
        sent.append(words[0])
        send_command(self, *words, **options)

    monkeypatch.setattr(redis.Connection, "send_command", listen)
    assert len(room.look()) == 30
    assert sent == ["EVALSHA"]
    monkeypatch.undo()
    assert {key: client.dump(key) for key in client.scan_iter()} == before


def test_who_comes_is_found_and_who_is_gone_is_gone(redis_url: str) -> None:
    room = Namespaces(redis_url)
    assert room.look() == []
    broker = send(redis_url, "ann", 1)
    assert [one.namespace for one in room.look()] == ["ann"]
    broker.client.flushall()
    assert room.look() == []


def test_a_redis_of_many_keys_is_gone_through_step_by_step(
    redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("labkit.ledger.namespaces.KEYS_A_LOOK", 100)
    broker = send(redis_url, "ann", 1)
    with broker.client.pipeline() as pipe:
        for number in range(2_000):
            pipe.set(f"shop:{number}", number)
        pipe.execute()
    room = Namespaces(redis_url)
    wait_until(lambda: [one.namespace for one in room.look()] == ["ann"])


class TestBoard:
    def test_a_page_that_asks_sees_what_is(self, redis_url: str) -> None:
        board = ClassBoard(redis_url)
        page = FakePage(board)
        send(redis_url, "ann", 3)
        page.ask(kind="refresh")
        assert page.view["rows"]["ann"]["enqueued"] == 3
        send(redis_url, "<b>bob</b>", 1)
        page.ask(kind="seen", visible=True)
        assert sorted(page.view["rows"]) == ["<b>bob</b>", "ann"]
        assert page.view["rows"]["<b>bob</b>"]["workers"] == 0
        shot = board.snapshot()
        assert shot.text == "Class board: 2 namespaces, 4 jobs"
        assert "<td>ann</td><td>0</td><td>3</td>" in shot.html
        assert "<b>bob" not in shot.html
        board.close()

    def test_a_redis_that_goes_is_told_and_heals(self) -> None:
        with ThrowawayRedis(persist=True) as server:
            send(server.url, "ann", 1)
            board = ClassBoard(server.url)
            page = FakePage(board)
            page.ask(kind="refresh")
            server.kill()
            page.ask(kind="refresh")
            assert page.view["live"] is False
            assert page.view["rows"]["ann"]["enqueued"] == 1  # as it last was
            with pytest.raises(RedisUnavailable):
                board.snapshot()
            server.restart()
            page.ask(kind="refresh")
            assert page.view["live"] is True
            board.close()

    def test_one_learners_board_is_for_looking_only(self, redis_url: str) -> None:
        send(redis_url, "ann", 1)
        board = ClassBoard(redis_url)
        one = board.board("ann")
        with one._place.ledger() as ledger:
            assert ledger.read_only
            assert ledger.counts()[JobState.ENQUEUED] == 1
        one.close()
        board.close()
