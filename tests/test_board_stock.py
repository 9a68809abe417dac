"""The board on applications that labkit did not write, and where no update comes by itself."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Any

import pytest
from dramatiq import Message

from labkit.broker import LabBroker
from labkit.redis_server import ThrowawayRedis
from labkit.widgets import JobBoard, caretaker
from tests.support import wait_until
from tests.support_stock import stock_producer, stock_worker
from tests.support_widgets import FakePage

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


@pytest.fixture
def server() -> Iterator[ThrowawayRedis]:
    with ThrowawayRedis() as server:
        yield server


@pytest.fixture
def send(server: ThrowawayRedis) -> Iterator[Callable[..., str]]:
    with stock_producer(server.url) as send:
        yield send


@pytest.fixture
def boards() -> Iterator[list[JobBoard]]:
    boards: list[JobBoard] = []
    yield boards
    for board in boards:
        board.close()


def open_page(boards: list[JobBoard], url: str, **how: Any) -> FakePage:
    boards.append(JobBoard(url, **how))
    page = FakePage(boards[-1])
    page.wait_until(lambda view: view["counts"])
    return page


def changes(server: ThrowawayRedis) -> int:
    return int(server.client().info("persistence")["rdb_changes_since_last_save"])


def test_stock_dramatiq_alone(
    server: ThrowawayRedis, send: Callable[..., str], boards: list[JobBoard], tmp_path: Path
) -> None:
    dead = send("fail", 7, queue="mail", password="hunter2", options={"max_retries": 1})
    late = send("wait", "z", delay=900_000)
    page = open_page(boards, server.url)
    assert page.view["counts"] == {
        "scheduled": 1, "enqueued": 1, "running": 0, "retrying": 0, "dead": 0,
    }  # fmt: skip
    with stock_worker(server.url, tmp_path / "log"):
        page.wait_until(lambda view: view["counts"]["dead"] == 1, 15)
        held = send("wait", "a")
        page.wait_until(lambda view: view["counts"]["running"] == 1)
        page.ask(kind="look", tab="running", offset=0)
        page.wait_until(lambda view: view["order"] == [held])
        assert page.view["rows"][held]["either"], "running or prefetched: nobody can tell"
        page.ask(kind="look", tab="dead", offset=0, job=dead)
        page.wait_until(lambda view: view["order"] == [dead] and view["job"]["tries"])
        [attempt] = page.view["job"]["tries"]
        assert attempt["error"] == "ValueError: no such order: 7•••"
        assert "Traceback (most recent call last)" in attempt["traceback"]
        assert "dramatiq:mail.XQ.msgs" in str(page.view["job"]["keys"])
        assert "hunter2" not in str(page.news)
        server.client().rpush("go:a", "")
        page.wait_until(lambda view: view["counts"]["running"] == 0)
    page.ask(kind="look", tab="completed", offset=0)
    assert page.view["order"] == []
    assert page.view["stock"]
    assert "completed" not in page.view["counts"]
    page.ask(kind="look", tab="recent", offset=0, job="")
    page.wait_until(lambda view: set(view["order"]) == {dead, late})
    snapshot = boards[0].snapshot()
    assert "completed not recorded" in snapshot.text
    assert "completed <strong>not recorded</strong>" in snapshot.html


def test_a_board_that_only_looks_writes_nothing_and_asks_once_a_second(
    server: ThrowawayRedis, send: Callable[..., str], boards: list[JobBoard], tmp_path: Path
) -> None:
    for number in range(30):
        send("fail", number, queue="mail", delay=900_000 if number % 2 else None)
    wrote = changes(server)
    keys = set(server.client().scan_iter())
    own = server.client()
    page = open_page(boards, server.url, limit=5)
    for tab in ("enqueued", "scheduled", "dead", "completed", "recent"):
        page.ask(kind="look", tab=tab, offset=0)
    page.ask(kind="look", search="fail")
    page.wait_until(lambda view: len(view["order"]) == 5)
    page.ask(kind="look", search="")

    def polls() -> int:
        return int(own.info("commandstats").get("cmdstat_zunion", {"calls": 0})["calls"])

    before, since = polls(), time.monotonic()
    wait_until(lambda: time.monotonic() > since + 2.5)
    assert 1 <= polls() - before <= 3
    assert changes(server) == wrote
    assert set(own.scan_iter()) == keys
    page.send(kind="seen", visible=False)
    wait_until(lambda: not any(one["cmd"] == "zunion" for one in own.client_list()), 4)
    quiet = polls()
    since = time.monotonic()
    wait_until(lambda: time.monotonic() > since + 1.2)
    assert polls() == quiet, "nobody asks while nobody can see it"


def test_labkit_comes_to_an_application_of_stock_dramatiq(
    server: ThrowawayRedis, send: Callable[..., str], boards: list[JobBoard]
) -> None:
    send("wait", "a")
    page = open_page(boards, server.url)
    assert page.view["stock"]
    broker = LabBroker(url=server.url)
    sent = broker.enqueue(Message("default", "wait", ("b",), {}, {})).message_id
    page.wait_until(lambda view: sent in view["rows"], 2)
    assert "stock" not in page.view
    assert page.view["counts"]["completed"] == 0
    broker.client.close()


def test_without_updates_that_come_by_themselves(
    server: ThrowawayRedis, boards: list[JobBoard]
) -> None:
    board = JobBoard(server.url, live=False)
    boards.append(board)
    before = set(threading.enumerate())
    page = FakePage(board)
    page.ask(kind="seen", visible=True)
    assert page.view["manual"]
    assert page.view["counts"]["enqueued"] == 0
    broker = LabBroker(url=server.url)
    first = broker.enqueue(Message("default", "work", ("milk",), {}, {})).message_id
    assert page.view["order"] == []
    page.ask(kind="refresh")
    assert page.view["order"] == [first]
    second = broker.enqueue(Message("default", "work", ("bread",), {}, {})).message_id
    board.refresh()
    assert page.view["order"] == [second, first]
    page.ask(kind="look", search="milk")
    assert page.view["order"] == [first]
    page.ask(kind="look", search="", tab="enqueued", offset=0)
    assert page.view["tab"] == "enqueued"
    assert set(threading.enumerate()) == before, "no thread watches"
    server.kill()
    page.ask(kind="refresh")
    assert page.view["live"] is False
    assert "does not answer" in page.view["why"]
    broker.client.close()


def test_a_sign_that_came_just_behind_a_look_is_seen_by_the_next(
    server: ThrowawayRedis, boards: list[JobBoard], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of stock Dramatiq no event tells; whoever has sent once gives no second sign."""
    older = caretaker.CALM * 1000 + 500  # than a look that came a whole pause later
    monkeypatch.setattr(caretaker, "CALM", 0.2)
    page = open_page(boards, server.url)
    message: Message[None] = Message("default", "wait", (), {}, {})
    with server.client() as client, client.pipeline() as pipe:
        pipe.rpush("dramatiq:default", "one")
        pipe.hset("dramatiq:default.msgs", "one", message.encode())
        pipe.zadd("dramatiq:__heartbeats__", {"producer": time.time() * 1000 - older})
        pipe.execute()
    page.wait_until(lambda view: view["counts"]["enqueued"] == 1)
    assert page.view["stock"]
