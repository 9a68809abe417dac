"""Read-only: a board of another Redis, and a ledger that is told so, can do nothing at all."""

from __future__ import annotations

import threading
import time
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
import redis
from dramatiq import Message

from labkit.broker import LabBroker
from labkit.errors import InvalidSchedule, LabkitError, ReadOnly, UnknownJob
from labkit.ledger.reader import Ledger
from labkit.ledger.records import JobState
from labkit.ledger.verbs import ACTIONS
from labkit.widgets import JobBoard
from labkit.widgets.deed import WORKER_ACTIONS
from tests.support import wait_until
from tests.support_stock import stock_producer, stock_worker
from tests.support_widgets import FakePage

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

HOUR = 3_600_000


@pytest.fixture
def broker(redis_url: str) -> Iterator[LabBroker]:
    broker = LabBroker(url=redis_url)
    broker.declare_queue("default")
    yield broker
    broker.client.close()


@pytest.fixture
def ids(broker: LabBroker) -> list[str]:
    """Three jobs that wait."""
    messages = [Message("default", "charge", (number,), {}, {}) for number in range(3)]
    return [broker.enqueue(message).message_id for message in messages]


def test_a_foreign_board_is_for_looking_only(redis_url: str, ids: list[str]) -> None:
    board = JobBoard(redis_url)
    page = FakePage(board)
    page.wait_until(lambda view: view["counts"]["enqueued"] == 3)
    assert "code" not in page.view, "so its page offers no buttons"
    for action in ACTIONS:
        page.ask(kind="act", action=action, ids=ids[:1], when=1e12)
        page.wait_until(lambda view: view["acted"].get(page.name) == page.asked)
        said = page.view["said"]
        assert said["failed"]
        assert "read-only" in said["text"]
        when = datetime.now(UTC) if action == "reschedule" else None
        with pytest.raises(ReadOnly, match="read_only=False"):
            board.act(action, *ids, when=when)
        with pytest.raises(ReadOnly):
            board.act_on_all(action, "enqueued", when=when)
    assert board._more == "", "nor is their module sent"
    for action in WORKER_ACTIONS:
        page.ask(kind="act", action=action, worker="host:1")
        page.wait_until(lambda view: view["acted"][page.name] == page.asked)
        assert "read-only" in page.view["said"]["text"]
        with pytest.raises(ReadOnly):
            board.act_on_worker(action, "host:1")
    page.ask(kind="count", action="cancel", state="enqueued")
    page.wait_until(lambda view: view["acted"][page.name] == page.asked)
    assert page.view["counted"] == {}
    with board._place.ledger() as own:
        for change in (own.clear, own.select("enqueued").cancel, lambda: own.cancel(ids[0])):
            with pytest.raises(ReadOnly):
                change()
    assert Ledger(redis_url).select("enqueued").ids() == ids
    board.close()


#: What a user may who may read, also by scripts; nothing of it changes a key.
READING = "-@all +@read +@scripting +@transaction +@connection +time +select"


@pytest.mark.parametrize("application", ["labkit", "mixed", "stock"])
def test_a_read_only_board_sends_no_command_that_writes(
    redis_url: str, application: str, tmp_path: Path
) -> None:
    # Given jobs of an application, with or without labkit in it
    if application != "stock":
        broker = LabBroker(url=redis_url)
        for number in range(3):
            broker.enqueue(Message("default", "wait", (number,), {}, {}), delay=number * HOUR)
        broker.client.close()
    with redis.Redis.from_url(redis_url) as own, ExitStack() as stack:
        if application != "labkit":
            send = stack.enter_context(stock_producer(redis_url))
            with stock_worker(redis_url, tmp_path / "log"):
                send("fail", 7, queue="mail", options={"max_retries": 0})
                wait_until(lambda: own.zcard("dramatiq:mail.XQ") == 1, 15)
            for number in range(3):
                send("wait", number, delay=number * HOUR or None)
        wrote = own.info("persistence")["rdb_changes_since_last_save"]
        own.acl_setuser("guest", reset=True, enabled=True, nopass=True, keys=["*"])
        own.execute_command("ACL", "SETUSER", "guest", *READING.split(), "&*")
        guest = redis_url.replace("://", "://guest:x@")
        # When a board that looks only does all that it can do
        with recorded_commands(redis_url) as commands:
            look_at_everything(redis_url, live=True)
        look_at_everything(guest, live=False)
        # Then none of it wrote, and a user who may only read may do all of it
        writing = {name.decode() for name in own.execute_command("ACL", "CAT", "write")}
        assert len(commands) > 50
        assert not [one for one in commands if one.split()[0].lower() in writing]
        assert own.info("persistence")["rdb_changes_since_last_save"] == wrote


@contextmanager
def recorded_commands(url: str) -> Iterator[list[str]]:
    """Every command that Redis runs meanwhile, also those inside of scripts."""
    commands: list[str] = []
    with redis.Redis.from_url(url) as client, client.monitor() as monitor:

        def record() -> None:
            for one in monitor.listen():
                if one["command"] == "ECHO the end":
                    return
                commands.append(one["command"])

        thread = threading.Thread(target=record, daemon=True)
        thread.start()
        try:
            yield commands
        finally:
            client.echo("the end")
            thread.join(5)


def look_at_everything(url: str, *, live: bool) -> None:
    board = JobBoard(url, limit=2, live=live)
    page = FakePage(board)
    page.ask(kind="seen", visible=True)
    page.wait_until(lambda view: view["counts"])
    for state in ("recent", *JobState):
        page.ask(kind="look", tab=state, offset=0, crew=True)
        page.wait_until(lambda view, state=state: view["tab"] == state)
        for job_id in list(page.view["order"]):
            page.ask(kind="look", job=job_id)
    page.ask(kind="look", tab="recent", search="wait")
    page.wait_until(lambda view: not view["search"]["going"])
    page.ask(kind="look", search="", back=1)
    page.ask(kind="look", back=None)
    board.refresh()
    board.search("7")
    board.show("dead")
    board.inspect("no-such-job")
    board.show_workers()
    board.snapshot()
    for action in ACTIONS:
        page.ask(kind="act", action=action, state="dead", when=1e12)
        with pytest.raises(ReadOnly):
            board.act_on_all(action, "dead", when=None)
    board.stop()
    if live:  # so long that records would be kept meanwhile
        enough = time.monotonic() + 1.3
        wait_until(lambda: time.monotonic() > enough)
    assert page.view["live"], page.view.get("why")
    board.close()


def test_a_ledger_that_is_for_looking_only(redis_url: str, ids: list[str]) -> None:
    ledger = Ledger(redis_url, read_only=True)
    assert ledger.counts()[JobState.ENQUEUED] == 3
    assert ledger.select("enqueued").count() == 3
    for change in (
        lambda: ledger.cancel(ids[0]),
        lambda: ledger.select(ids=ids).cancel(),
        ledger.clear,
        lambda: ledger.quiet("host:1"),
        lambda: ledger.stop("host:1"),
        lambda: ledger.kill("host:1"),
    ):
        with pytest.raises(PermissionError, match="read-only"):
            change()
    assert ledger.jobs("enqueued")[0].id == ids[0]
    assert issubclass(ReadOnly, LabkitError)


def test_read_only_is_a_choice_here_and_there(settings: Any, redis_url: str) -> None:
    for url, read_only, may_act in (
        (None, None, True),
        (None, True, False),
        (redis_url, None, False),
        (redis_url, False, True),
    ):
        board = JobBoard(url, read_only=read_only)
        assert ("code" in FakePage(board).view) == may_act
        if may_act:
            with pytest.raises(UnknownJob):
                board.act("cancel", "no-such-id")
            with pytest.raises(InvalidSchedule):
                board.act("reschedule", "x", when=datetime(2030, 1, 1))  # noqa: DTZ001
        board.close()
