"""Labkit and stock Dramatiq on one Redis: real stock worker processes, and all is true in 2 s."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import dramatiq
import pytest
from dramatiq import Message

from labkit.broker import LabBroker
from labkit.heartbeat import Heartbeat
from labkit.ledger.check import check
from labkit.ledger.reader import Ledger
from labkit.ledger.records import JobState
from labkit.redis_server import ThrowawayRedis
from labkit.widgets import JobBoard
from tests.support import wait_until
from tests.support_stock import stock_producer, stock_worker
from tests.support_widgets import FakePage

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

WITHIN = 5  # seconds that a loaded machine gets for what takes two


@pytest.fixture
def server() -> Iterator[ThrowawayRedis]:
    with ThrowawayRedis() as server:
        yield server


@pytest.fixture
def broker(server: ThrowawayRedis) -> Iterator[LabBroker]:
    broker = LabBroker(url=server.url)
    yield broker
    broker.client.close()


@pytest.fixture(params=[True, False], ids=["read-only", "may write"])
def page(server: ThrowawayRedis, request: pytest.FixtureRequest) -> Iterator[FakePage]:
    board = JobBoard(server.url, limit=5, read_only=request.param)
    page = FakePage(board)
    page.wait_until(lambda view: view["counts"])
    yield page
    board.close()


def send(broker: LabBroker, actor: str, *args: Any, queue: str = "default", **options: Any) -> str:
    return broker.enqueue(Message(queue, actor, args, {}, options)).message_id


def test_stock_workers_run_what_labkit_sent_and_a_board_sees_it(
    server: ThrowawayRedis, broker: LabBroker, page: FakePage, tmp_path: Path
) -> None:
    done = send(broker, "wait", "a")
    dead = send(broker, "fail", 7, queue="mail", max_retries=1)
    page.wait_until(lambda view: view["counts"]["enqueued"] == 2)
    with stock_worker(server.url, tmp_path / "log"):
        server.client().rpush("go:a", "")
        wait_until(lambda: not server.client().exists("dramatiq:default.msgs"), 15)
        page.wait_until(lambda view: view["counts"]["completed"] == 1, WITHIN)
        wait_until(lambda: server.client().zcard("dramatiq:mail.XQ"), 15)
        page.wait_until(lambda view: view["counts"]["dead"] == 1, WITHIN)
    page.ask(kind="look", job=done)
    assert [one["worker"] for one in page.view["job"]["tries"]] == ["elsewhere"]
    page.ask(kind="look", job=dead)
    assert page.view["job"]["error"] == "ValueError: no such order: 7"
    assert "Traceback (most recent call last)" in page.view["job"]["tries"][-1]["traceback"]
    for state, there in (("completed", [done]), ("dead", [dead]), ("enqueued", [])):
        page.ask(kind="look", tab=state, offset=0)
        assert page.view["order"] == there
    page.ask(kind="look", tab="recent", search="wait", job="")
    page.wait_until(lambda view: view["order"] == [done])
    page.ask(kind="look", tab="recent", search="")
    assert page.view["order"] == [dead, done]
    with Ledger(server.url).client as client:
        ledger = Ledger(client=client)
        if "code" in page.view:
            assert check(ledger) == [], "the board keeps the records"
        else:
            assert ledger.counts()[JobState.COMPLETED] == 0, "the records are as they were"


def test_read_only_what_stock_workers_did_long_ago_is_seen_at_once(
    server: ThrowawayRedis, broker: LabBroker, tmp_path: Path
) -> None:
    ids = [send(broker, "wait", str(number)) for number in range(30)]
    retrying = send(broker, "fail", 7, queue="mail", min_backoff=900_000, max_backoff=900_000)
    with server.client() as client:
        for number in range(25):
            client.rpush(f"go:{number}", "")
        with stock_worker(server.url, tmp_path / "log"):
            wait_until(lambda: client.hlen("dramatiq:default.msgs") == 5, 15)
            wait_until(lambda: client.hlen("dramatiq:mail.DQ.msgs") == 1, 15)
            snapshot = JobBoard(server.url, state="completed", live=False).snapshot()
            running = {job_id[:8] for job_id in ids[25:]}
    assert "25" in snapshot.text
    board = JobBoard(server.url, state="completed", limit=10, live=False)
    board.refresh()
    page = FakePage(board)
    assert page.view["counts"]["completed"] == 25
    assert page.view["counts"]["retrying"] == 1
    assert page.view["counts"]["running"] + page.view["counts"]["enqueued"] == 5
    pages = []
    for offset in (0, 10, 20):
        page.ask(kind="look", tab="completed", offset=offset)
        pages += page.view["order"]
    assert sorted(pages) == sorted(ids[:25])
    page.ask(kind="look", tab="retrying", offset=0, job=retrying)
    assert page.view["order"] == [retrying]
    assert page.view["job"]["error"] == "ValueError: no such order: 7"
    page.ask(kind="look", tab="completed", offset=0, job="", search='actor:wait "2"')
    assert len(page.view["order"]) == 7
    assert running.isdisjoint(page.view["order"])
    board.close()


def test_stock_jobs_on_a_queue_that_no_labkit_process_knows(
    server: ThrowawayRedis, broker: LabBroker, page: FakePage, tmp_path: Path
) -> None:
    """Delayed ones stay where stock workers promote them."""
    ledger = Ledger(server.url)
    heartbeat = Heartbeat(broker, dramatiq.Worker(broker, worker_threads=1))
    heartbeat.start()
    try:
        with stock_producer(server.url) as send_stock:
            late = send_stock("wait", "b", queue="theirs", delay=900_000)
            dead = send_stock("fail", 7, queue="mail", options={"max_retries": 1})
            page.wait_until(lambda view: view["counts"]["scheduled"] == 1, WITHIN)
            page.wait_until(lambda view: view["counts"]["enqueued"] == 1, WITHIN)
        job = ledger.job(late)
        assert job is not None
        assert (job.state, job.queue) == (JobState.SCHEDULED, "theirs")
        with server.client() as client:
            assert client.llen("dramatiq:theirs.DQ") == 1, "a stock worker will find it"
        with stock_worker(server.url, tmp_path / "log"):
            wait_until(lambda: server.client().zcard("dramatiq:mail.XQ"), 15)
            page.wait_until(lambda view: view["counts"]["dead"] == 1, WITHIN)
        failed = ledger.job(dead)
        assert failed is not None
        assert failed.error == "ValueError: no such order: 7"
    finally:
        heartbeat.stop()
    assert check(ledger, ("theirs", "mail")) == []
    ledger.client.close()
