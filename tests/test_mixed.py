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


@pytest.fixture
def page(server: ThrowawayRedis) -> Iterator[FakePage]:
    board = JobBoard(server.url, limit=5)
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
    ledger = Ledger(server.url)
    assert check(ledger) == []
    ledger.client.close()


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
