"""The watcher: who is told what, when, and that nobody asks Redis for nothing."""

from __future__ import annotations

import logging
import os
import signal
import threading
import time
from typing import TYPE_CHECKING

import pytest
from dramatiq import Message

from labkit.broker import LabBroker
from labkit.ledger.records import JobState
from labkit.redis_server import ThrowawayRedis
from labkit.widgets import caretaker
from labkit.widgets import watcher as module
from labkit.widgets.looking import Picture, Question
from labkit.widgets.place import Place
from labkit.widgets.watcher import Watcher
from tests.support import wait_until
from tests.support_stock import stock_producer
from tests.support_widgets import Onlooker

if TYPE_CHECKING:
    from collections.abc import Iterator


class Broken(Onlooker):
    """A reader that cannot show anything."""

    def tell(self, picture: Picture) -> int:
        raise RuntimeError("this page is broken")


@pytest.fixture
def server() -> Iterator[ThrowawayRedis]:
    """A Redis whose connections are all this test's."""
    with ThrowawayRedis(persist=True) as server:
        yield server


REAL_BLOCK = module.BLOCK


@pytest.fixture
def place(server: ThrowawayRedis, monkeypatch: pytest.MonkeyPatch) -> Iterator[Place]:
    monkeypatch.setattr(module, "BLOCK", 200)  # a watcher ends within that time
    readers.clear()
    yield Place.of(server.url, None)
    for watcher, reader in readers:
        watcher.remove(reader)
    wait_until(lambda: not watcher_threads(), description="the watchers end with their readers")


readers: list[tuple[Watcher, Onlooker]] = []


def watch(place: Place, reader: Onlooker) -> Watcher:
    """Let the reader be told until the test ends."""
    watcher = place.watch(reader)
    readers.append((watcher, reader))
    return watcher


def watcher_threads() -> list[str]:
    names = ("labkit-watcher", "labkit-follower")
    return [thread.name for thread in threading.enumerate() if thread.name in names]


def send(server: ThrowawayRedis, many: int = 1, **how: int) -> list[str]:
    broker = LabBroker(client=server.client())
    messages: list[Message[object]] = [
        Message("default", "task_logger", (number,), {}, {}) for number in range(many)
    ]
    return [message.message_id for message in broker.enqueue_many(messages, **how)]


def commands(server: ThrowawayRedis) -> int:
    return int(server.client().info("stats")["total_commands_processed"])


def connections(server: ThrowawayRedis) -> int:
    return int(server.client().info("clients")["connected_clients"])


def test_a_reader_is_told_what_is_there(server: ThrowawayRedis, place: Place) -> None:
    [late] = send(server, delay=60_000)
    first, second = send(server, 2)
    reader = Onlooker()
    watch(place, reader)
    reader.sees(enqueued=2, scheduled=1)
    assert {job.id for job in reader.last.jobs} == {late, first, second}
    assert abs(reader.last.at.timestamp() - time.time()) < 1


def test_a_change_is_told_at_once_and_then_nothing(server: ThrowawayRedis, place: Place) -> None:
    reader = Onlooker()
    watch(place, reader)
    reader.sees(enqueued=0)
    sent_at = time.monotonic()
    send(server)
    reader.sees(enqueued=1)
    assert reader.pictures[-1][0] - sent_at < 0.25
    told = len(reader.pictures)
    wait_until(lambda: time.monotonic() > sent_at + 1.5)
    assert len(reader.pictures) == told, "told again although nothing moved"


def test_the_page_of_a_state_and_an_opened_job(server: ThrowawayRedis, place: Place) -> None:
    sent = send(server, 7)
    reader = Onlooker(state=JobState.ENQUEUED, offset=5, limit=5, job_ids=(sent[3], "none"))
    watcher = watch(place, reader)
    with place.ledger() as ledger:
        in_order = [job.id for job in ledger.jobs(JobState.ENQUEUED)]
    assert [job.id for job in reader.last.jobs] == in_order[5:]
    opened = reader.last.opened
    assert opened["none"] is None
    job = opened[sent[3]]
    assert job is not None
    assert job.args == (3,)
    reader.asks = Question(JobState.ENQUEUED, offset=0, limit=5)
    watcher.ask()
    wait_until(lambda: [job.id for job in reader.last.jobs] == in_order[:5])


def test_a_page_behind_the_last_one_becomes_the_last(server: ThrowawayRedis, place: Place) -> None:
    send(server, 7)
    reader = Onlooker(state=JobState.ENQUEUED, offset=90, limit=5)
    watch(place, reader)
    assert (reader.last.offset, len(reader.last.jobs)) == (5, 2)


def test_readers_of_one_place_share_a_watcher(server: ThrowawayRedis, place: Place) -> None:
    both = [Onlooker(), Onlooker(state=JobState.ENQUEUED)]
    watchers = {watch(place, reader) for reader in both}
    assert len(watchers) == 1
    [watcher] = watchers
    send(server)
    for reader in both:
        reader.sees(enqueued=1)
    assert sorted(watcher_threads()) == ["labkit-follower", "labkit-watcher"]
    watcher.remove(both[0])
    send(server)
    both[1].sees(enqueued=2)
    assert both[0].last.counts[JobState.ENQUEUED] < 2


def test_without_a_reader_nothing_is_asked(server: ThrowawayRedis, place: Place) -> None:
    reader = Onlooker()
    watch(place, reader).remove(reader)
    again = Onlooker()
    watcher = watch(place, again)
    again.sees(enqueued=0)
    watcher.remove(again)
    wait_until(lambda: not watcher_threads(), 3, "both threads end")
    wait_until(lambda: connections(server) == 1, 3, "only this test is connected")


@pytest.mark.parametrize("what", ["nothing", "labkit's jobs", "stock jobs"])
def test_nothing_moves_and_little_is_asked(
    server: ThrowawayRedis, place: Place, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    monkeypatch.setattr(module, "BLOCK", REAL_BLOCK)
    monkeypatch.setattr(caretaker, "ALERT", 0.5)
    if what == "labkit's jobs":
        send(server, 3)
    elif what == "stock jobs":
        with stock_producer(server.url) as send_stock:
            send_stock("wait", "a")
    reader = Onlooker()
    watch(place, reader)
    reader.sees(enqueued={"nothing": 0, "labkit's jobs": 3, "stock jobs": 1}[what])
    own = server.client()
    wait_for = "zunion" if what == "stock jobs" else "xread"
    wait_until(lambda: any(client["cmd"] == wait_for for client in own.client_list()))
    settled = time.monotonic() + 1.5
    wait_until(lambda: time.monotonic() > settled)
    before, since = own.info("stats")["total_commands_processed"], time.monotonic()
    wait_until(lambda: time.monotonic() > since + 3)
    asked = own.info("stats")["total_commands_processed"] - before - 1  # the INFO of this test
    assert asked <= 4, f"{asked} commands in 3 s although nothing moved"


def test_a_rush_is_told_at_most_twenty_times_a_second(server: ThrowawayRedis, place: Place) -> None:
    reader = Onlooker()
    watch(place, reader)
    reader.sees(enqueued=0)
    begun = time.monotonic()
    for _ in range(60):
        send(server, 20)
    reader.sees(enqueued=1_200)
    seconds = time.monotonic() - begun
    assert len(reader.pictures) <= 2 + 20 * seconds + 1


def test_what_is_sent_in_bytes_slows_the_looks_down(place: Place, server: ThrowawayRedis) -> None:
    class Heavy(Onlooker):
        def tell(self, picture: Picture) -> int:
            super().tell(picture)
            return module.BYTES_A_SECOND  # a whole second's worth

    reader = Heavy()
    watch(place, reader)
    reader.sees(enqueued=0)
    send(server)
    reader.sees(enqueued=1)
    times = [at for at, _ in reader.pictures]
    assert times[-1] - times[0] > 0.9


def test_a_redis_that_dies_and_returns(server: ThrowawayRedis, place: Place) -> None:
    reader = Onlooker()
    watch(place, reader)
    send(server)
    reader.sees(enqueued=1)
    server.kill()
    died = time.time()
    wait_until(lambda: reader.losses, 2, "the loss is told within 2 s")
    _, since, why = reader.losses[-1]
    assert died - 1.5 < since.timestamp() <= time.time()
    assert "does not answer" in why
    told = len(reader.pictures)
    server.restart()
    wait_until(lambda: len(reader.pictures) > told, 2, "it heals within 2 s")
    reader.sees(enqueued=1)
    send(server)
    reader.sees(enqueued=2)


def test_a_redis_that_hangs_is_lost_too(
    server: ThrowawayRedis, place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "BLOCK", REAL_BLOCK)
    reader = Onlooker()
    watch(place, reader)
    reader.sees(enqueued=0)
    os.kill(server.pid, signal.SIGSTOP)
    try:
        wait_until(lambda: reader.losses, 2, "the loss is told within 2 s")
    finally:
        told = len(reader.pictures)
        os.kill(server.pid, signal.SIGCONT)
    wait_until(lambda: len(reader.pictures) > told, 2, "it heals within 2 s")


def test_a_redis_that_never_was(place: Place) -> None:
    nowhere = Place.of("redis://:secret-word@127.0.0.1:1/0", None)
    reader = Onlooker()
    watch(nowhere, reader)
    wait_until(lambda: len(reader.losses) > 1, 3, "it is told, and tried again")
    assert "secret-word" not in reader.losses[0][2]


def test_a_reader_that_fails_stops_nobody(
    server: ThrowawayRedis, place: Place, caplog: pytest.LogCaptureFixture
) -> None:
    broken, reader = Broken(), Onlooker()
    watcher = watch(place, broken)
    watch(place, reader)
    with caplog.at_level(logging.ERROR):
        send(server)
        reader.sees(enqueued=1)
    assert "this page is broken" in caplog.text
    watcher.remove(broken)


def test_a_reader_that_nobody_sees_any_more_is_let_go(
    server: ThrowawayRedis, place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "LEASE", 0.3)
    monkeypatch.setattr(caretaker, "CALM", 0.1)
    reader = Onlooker()
    watcher = watch(place, reader)
    reader.sees(enqueued=0)
    wait_until(lambda: not watcher_threads(), 3, "its lease ends")
    assert not watcher.add(reader), "a watcher that has ended does not begin again"


def test_workers_that_come_and_go_are_seen_although_that_is_no_event(
    server: ThrowawayRedis, place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(caretaker, "CALM", 0.2)
    reader = Onlooker()
    watch(place, reader)
    assert reader.last.workers == []
    keys = LabBroker(client=server.client()).keys
    card = '{"host":"h","pid":7,"threads":4,"queues":["default"],"actors":["a"],"since":1}'
    with server.client() as client:
        now = time.time() * 1000
        client.hset(keys.workers, mapping={"w1": card, "w2": "no card", "w3": card})
        client.zadd("dramatiq:__heartbeats__", {"w1": now - 3_000, "w2": now, "w3": now - 90_000})
    wait_until(lambda: reader.last.workers, 3)
    found = [(worker.name, worker.pid, worker.threads) for worker in reader.last.workers]
    assert found == [("w1", 7, 4)], "not the one that cannot be read, nor the one that is silent"
    wait_until(lambda: not reader.last.workers, 5, "no sign of life, no worker")
