"""Read-only: a board of another Redis, and a ledger that is told so, can do nothing at all."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from dramatiq import Message

from labkit.broker import LabBroker
from labkit.errors import InvalidSchedule, LabkitError, ReadOnly, UnknownJob
from labkit.ledger.reader import Ledger
from labkit.ledger.records import JobState
from labkit.ledger.verbs import ACTIONS
from labkit.widgets import JobBoard
from labkit.widgets.deed import WORKER_ACTIONS
from tests.support_widgets import FakePage

if TYPE_CHECKING:
    from collections.abc import Iterator


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
