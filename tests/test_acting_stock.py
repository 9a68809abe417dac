"""Acting on an application of stock Dramatiq: real stock workers, and no key of labkit's."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
import redis
from dramatiq import Message

from labkit.broker import LabBroker
from labkit.errors import AlreadyTaken, UnknownJob
from labkit.ledger.check import check
from labkit.ledger.reader import Ledger
from labkit.ledger.reconcile import Reconciler
from labkit.ledger.records import JobState
from labkit.widgets import JobBoard
from tests.support import wait_until
from tests.support_stock import stock_producer, stock_worker
from tests.support_widgets import FakePage

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

HOUR = 3_600_000
#: Nobody waits so long here: who runs within the test was told to run at once.
LATER = datetime(2099, 1, 1, tzinfo=UTC)


@pytest.fixture
def send(redis_url: str) -> Iterator[Callable[..., str]]:
    with stock_producer(redis_url) as send:
        yield send


@pytest.fixture
def client(redis_url: str) -> Iterator[Any]:
    with redis.Redis.from_url(redis_url) as client:
        yield client


@pytest.fixture
def page(redis_url: str) -> Iterator[FakePage]:
    board = JobBoard(redis_url, read_only=False)
    page = FakePage(board)
    page.wait_until(lambda view: view["counts"])
    yield page
    board.close()


def press(page: FakePage, action: str, **what: Any) -> str:
    page.ask(kind="act", action=action, **what)
    page.wait_until(lambda view: view["acted"].get(page.name) == page.asked)
    return str(page.view["said"]["text"])


def runs(client: Any, name: str) -> None:
    """Let the job of this name end, once a worker has begun it."""
    client.rpush(f"go:{name}", "")
    wait_until(lambda: not client.exists(f"go:{name}"), 15, f"{name} has run")


def test_what_a_board_does_stock_workers_obey(
    page: FakePage, send: Callable[..., str], client: Any, ledger: Ledger, redis_url: str,
    tmp_path: Path,
) -> None:  # fmt: skip
    soon, moved, gone, later = (send("wait", name, delay=HOUR) for name in "abcd")
    waiting, kept = send("wait", "e"), send("wait", "f")
    assert press(page, "run_now", ids=[soon]) == "1 set to run now"
    assert press(page, "reschedule", ids=[moved], when=0) == "1 moved"
    assert press(page, "reschedule", ids=[later], when=LATER.timestamp() * 1000) == "1 moved"
    assert press(page, "cancel", ids=[gone, waiting]) == "2 cancelled"
    page.wait_until(lambda view: view["counts"]["enqueued"] == 2)
    assert (job := ledger.job(later))
    assert job.eta == LATER
    with stock_worker(redis_url, tmp_path / "log", threads=4):
        for name in "abf":
            runs(client, name)
        dead = send("fail", 7, queue="mail", options={"max_retries": 0})
        page.wait_until(lambda view: view["counts"]["dead"] == 1, 15)
        assert press(page, "retry", ids=[dead]) == "1 retried"
        log = tmp_path / "log"
        wait_until(lambda: log.read_text().count("Error: no such order: 7") == 2, 15)
        wait_until(lambda: client.zcard("dramatiq:mail.XQ") == 1, 15, "it has died again")
        assert "already taken" in press(page, "cancel", ids=[later]), "in a worker's memory"
    assert press(page, "delete", state="dead") == "1 deleted"
    for job_id in (gone, waiting, kept, dead):
        assert ledger.job(job_id) is None
    assert not [key for key in client.scan_iter() if b"__ledger__" in key]
    assert page.view["stock"]


def test_all_that_match(send: Callable[..., str], ledger: Ledger, client: Any) -> None:
    waiting = [send("wait", number) for number in range(120)]
    others = [send("fail", number, queue="mail") for number in range(5)]
    late = [send("wait", number, delay=HOUR) for number in range(60)]
    assert ledger.select("enqueued").count() == 125
    assert ledger.select("enqueued", queue="mail", actor="fail").ids() == others
    assert str(ledger.select("enqueued", actor="wait").cancel()) == "120 cancelled"
    assert ledger.select("enqueued").ids() == others
    when = datetime.now(UTC).replace(microsecond=0) + timedelta(days=1)
    assert ledger.select("scheduled").reschedule(when).done == 60
    assert {job.eta for job in ledger.jobs("scheduled", limit=100)} == {when}
    assert str(ledger.select(ids=[late[0], waiting[0], others[0]]).run_now()) == (
        "1 set to run now, 1 already taken, 1 gone"
    )
    assert client.llen("dramatiq:default") == 1
    assert ledger.select("completed").count() == 0


def test_dead_ones_begin_anew_and_what_died_since_is_left(
    send: Callable[..., str], ledger: Ledger, redis_url: str, tmp_path: Path
) -> None:
    with stock_worker(redis_url, tmp_path / "log"):
        first = send("fail", 1, queue="mail", options={"max_retries": 1})
        wait_until(lambda: ledger.counts()[JobState.DEAD] == 1, 15)
        begun = datetime.now(UTC)
        second = send("fail", 2, queue="mail", options={"max_retries": 0})
        wait_until(lambda: ledger.counts()[JobState.DEAD] == 2, 15)
    assert ledger.select("dead", before=begun).ids() == [first]
    assert ledger.select("dead", before=begun).retry().done == 1
    assert (job := ledger.job(first))
    assert (job.state, job.attempts) == (JobState.ENQUEUED, []), "with all its attempts before it"
    with pytest.raises(AlreadyTaken, match="is dead: cancel does not fit"):
        ledger.cancel(second)
    ledger.delete(second)
    with pytest.raises(UnknownJob, match="no job"):
        ledger.delete(second)


@pytest.mark.parametrize("sender", ["labkit", "stock"])
def test_what_runs_now_or_sooner_in_a_mixed_application_a_stock_worker_runs_then(
    sender: str, send: Callable[..., str], client: Any, ledger: Ledger, redis_url: str,
    tmp_path: Path,
) -> None:  # fmt: skip
    """The time stands in the message, too, and a stock worker reads it there."""
    broker = LabBroker(url=redis_url)
    broker.enqueue(Message("default", "wait", ("z",), {}, {}))  # from now on a ledger is kept
    if sender == "stock":
        now, sooner = (send("wait", name, delay=HOUR) for name in "ab")
        Reconciler(ledger.client, ledger.namespace, ledger.call).run()
    else:
        messages = (Message("default", "wait", (name,), {}, {}) for name in "ab")
        now, sooner = (broker.enqueue(one, delay=HOUR).message_id for one in messages)
    ledger.run_now(now)
    assert ledger.select("enqueued").count() == 2
    ledger.reschedule(sooner, datetime.now(UTC))
    assert check(ledger) == []
    with stock_worker(redis_url, tmp_path / "log", threads=2):
        for name in "zab":
            runs(client, name)
    broker.client.close()
