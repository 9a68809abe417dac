"""What a board's buttons do, without a browser: the actions, what it says, and what it refuses."""

from __future__ import annotations

import json
import threading
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import dramatiq
import pytest
from dramatiq import Message

from labkit.broker import LabBroker
from labkit.errors import AlreadyTaken
from labkit.ledger.check import check
from labkit.ledger.reader import Ledger
from labkit.ledger.records import JobState
from labkit.ledger.selection import STEP
from labkit.redis_server import ThrowawayRedis
from labkit.widgets import JobBoard, acting
from tests.support import wait_until
from tests.support_jobs import quick_retries, running_worker, wait_for_state
from tests.support_widgets import FakePage

if TYPE_CHECKING:
    from collections.abc import Iterator

SECRET = "hunter2-very-secret"
HOUR = 3_600_000


@pytest.fixture
def broker(broker: LabBroker) -> LabBroker:
    broker.declare_queue("default")
    broker.declare_queue("mail")
    return broker


@pytest.fixture
def board(settings: Any) -> Iterator[JobBoard]:
    board = JobBoard(limit=5)
    yield board
    board.close()


def send(
    broker: LabBroker, count: int = 1, actor: str = "charge", queue: str = "default", **options: Any
) -> list[str]:
    messages = [Message(queue, actor, (number,), {}, {}) for number in range(count)]
    return [message.message_id for message in broker.enqueue_many(messages, **options)]


def let_die(broker: LabBroker, ledger: Ledger) -> str:
    def charge(number: int) -> None:
        raise RuntimeError("as told")

    dramatiq.actor(broker=broker)(charge)
    quick_retries(broker, max_retries=0)
    [job_id] = send(broker)
    with running_worker(broker):
        wait_for_state(ledger, job_id, JobState.DEAD)
    return job_id


def press(page: FakePage, action: str, **what: Any) -> dict[str, Any]:
    """Press a button, wait until it is done, and read what the board says."""
    page.ask(kind="act", action=action, **what)
    page.wait_until(lambda view: view["acted"].get(page.name) == page.asked)
    said: dict[str, Any] = page.view["said"]
    return said


def test_each_action_on_one_job(page: FakePage, broker: LabBroker, ledger: Ledger) -> None:
    dead = let_die(broker, ledger)
    now, moved, gone = (send(broker, delay=HOUR)[0] for _ in range(3))
    when = datetime(2099, 1, 1, tzinfo=UTC)
    assert press(page, "retry", ids=[dead])["text"] == "1 retried"
    assert press(page, "run_now", ids=[now])["text"] == "1 set to run now"
    said = press(page, "reschedule", ids=[moved], when=when.timestamp() * 1000)
    assert (said["text"], "failed" in said) == ("1 moved", False)
    assert press(page, "cancel", ids=[gone])["text"] == "1 cancelled"
    found = {job_id: ledger.job(job_id) for job_id in (dead, now, moved, gone)}
    assert [str(job and job.state) for job in found.values()] == [
        "enqueued",
        "enqueued",
        "scheduled",
        "cancelled",
    ]
    assert (job := found[moved])
    assert job.eta == when
    assert press(page, "delete", ids=[gone])["text"] == "1 deleted"
    assert ledger.job(gone) is None
    assert check(ledger) == []


def test_the_line_of_python_does_the_same(
    page: FakePage, broker: LabBroker, ledger: Ledger
) -> None:
    names = {"Ledger": Ledger, "datetime": datetime}
    ids = send(broker, 3, delay=HOUR)
    when = datetime(2099, 1, 1, 12, 30, 0, 250_000, UTC)
    said = press(page, "reschedule", ids=[ids[0]], when=when.timestamp() * 1000)
    assert said["line"] == (
        f'Ledger().reschedule("{ids[0]}", datetime.fromisoformat("2099-01-01T12:30:00.250Z"))'
    )
    ledger.reschedule(ids[0], datetime.now(UTC) + timedelta(hours=1))
    eval(said["line"], names)  # noqa: S307 - it is what is under test
    assert (job := ledger.job(ids[0]))
    assert job.eta == when

    line = press(page, "run_now", ids=ids[:2])["line"]
    assert line == f'Ledger().select(ids=["{ids[0]}", "{ids[1]}"]).run_now()'
    assert str(eval(line, names)) == "0 set to run now, 2 already taken"  # noqa: S307
    send(broker, 2, "remind", "mail")
    said = press(page, "cancel", state="enqueued", search="queue:mail actor:remind")
    assert said["text"] == "2 cancelled"
    assert said["line"] == 'Ledger().select("enqueued", queue="mail", actor="remind").cancel()'
    send(broker, 1, "remind", "mail")
    assert eval(said["line"], names).done == 1  # noqa: S307


def test_a_line_for_another_redis_has_no_password(broker: LabBroker) -> None:
    with ThrowawayRedis(password=SECRET) as guarded:
        board = JobBoard(guarded.url, "theirs", read_only=False)
        page = FakePage(board)
        own = LabBroker(url=guarded.url, namespace="theirs")
        own.declare_queue("default")
        [job_id] = send(own)
        line = press(page, "cancel", ids=[job_id])["line"]
        assert line.startswith('Ledger(url="redis://')
        assert line.endswith(f', namespace="theirs").cancel("{job_id}")')
        assert ":•••@" in line
        assert SECRET not in json.dumps(page.news)
        board.close()
        own.client.close()


def test_what_cannot_be_done_is_said_in_a_sentence(
    page: FakePage, broker: LabBroker, ledger: Ledger
) -> None:
    [job_id] = send(broker)
    said = press(page, "retry", ids=[job_id])
    assert said["failed"]
    assert said["text"] == f"job '{job_id}' is enqueued: retry does not fit"
    assert "line" not in said
    first = said["number"]
    assert press(page, "cancel", ids=["no-such-id"])["text"].startswith("no job 'no-such-id'")
    assert page.view["said"]["number"] == first + 1
    assert press(page, "cancel", state="enqueued", search="some words")["text"] == "0 cancelled"
    assert ledger.counts()[JobState.ENQUEUED] == 1


@pytest.mark.parametrize(
    "wish",
    [
        {"action": "clear", "ids": ["x"]},
        {"action": "__init__", "ids": ["x"]},
        {"action": "cancel"},
        {"action": "cancel", "ids": [7, None, "", "x" * 500]},
        {"action": "cancel", "ids": ["x"], "state": "enqueued"},
        {"action": "cancel", "state": "finished"},
        {"action": "retry", "state": "completed"},
        {"action": "reschedule", "ids": ["x"]},
        {"action": "reschedule", "ids": ["x"], "when": "tomorrow"},
        {"action": "reschedule", "ids": ["x"], "when": 1e300},
        {"action": ["cancel"], "ids": {"0": "x"}},
    ],
)
def test_a_wish_that_makes_no_sense_is_refused(
    page: FakePage, broker: LabBroker, ledger: Ledger, wish: dict[str, Any]
) -> None:
    send(broker)
    assert press(page, wish.pop("action"), **wish)["failed"]
    assert ledger.counts()[JobState.ENQUEUED] == 1


def test_all_that_match_are_counted_first(
    page: FakePage, broker: LabBroker, ledger: Ledger
) -> None:
    send(broker, 3)
    send(broker, 2, "remind")
    page.ask(kind="count", action="cancel", state="enqueued", search="actor:remind")
    page.wait_until(lambda view: view["counted"]["total"] == 2)
    assert page.view["counted"]["ask"] == (page.name, page.asked)
    line = 'Ledger().select("enqueued", actor="remind").cancel()'
    assert page.view["counted"]["line"] == line
    assert ledger.counts()[JobState.ENQUEUED] == 5
    assert press(page, "cancel", state="enqueued", search="actor:remind")["text"] == "2 cancelled"
    assert ledger.counts()[JobState.ENQUEUED] == 3


def test_all_that_match_some_words_are_those_that_are_shown(
    page: FakePage, broker: LabBroker, ledger: Ledger
) -> None:
    secret = Message("default", "charge", (), {"password": "hunter2"}, {})
    broker.enqueue_many([secret, *(Message("default", "charge", (n,), {}, {}) for n in (17, 18))])
    [late] = send(broker, delay=HOUR)
    for words, total in (("hunter2", 0), ("17", 1), (f"id:{late}", 0), ("actor:charge 1", 2)):
        page.ask(kind="count", action="cancel", state="enqueued", search=words)
        page.wait_until(lambda view: view["acted"].get(page.name) == page.asked)
        assert page.view["counted"]["total"] == total, words
    said = press(page, "cancel", state="enqueued", search="17")
    assert said["text"] == "1 cancelled"
    assert said["line"] == (
        'Ledger().select(ids=[job.id for job in Ledger().search("state:enqueued 17")]).cancel()'
    )
    assert ledger.counts()[JobState.ENQUEUED] == 2


def test_an_action_on_many_shows_how_far_it_is_and_stops(
    board: JobBoard,
    page: FakePage,
    broker: LabBroker,
    ledger: Ledger,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    total = 200 * STEP
    monkeypatch.setattr(acting, "TICK", 0.0)  # it is told of after each step
    send(broker, total)
    at_work = threading.Event()
    seen: list[dict[str, Any]] = []

    def watch(change: dict[str, Any]) -> None:
        acting = board.beside()["acting"]
        if acting and acting["done"]:
            seen.append(acting)
            if not at_work.is_set():
                at_work.set()
                page.send(kind="stop")

    board.observe(watch, "view")
    said = press(page, "cancel", state="enqueued")
    assert seen[0]["total"] == total
    counts = ledger.counts()
    assert 0 < counts[JobState.CANCELLED] < total
    done, left = counts[JobState.CANCELLED], counts[JobState.ENQUEUED]
    assert said["text"] == f"{done:,} cancelled, {left:,} left as they were"
    assert page.view["acting"] == {}
    assert check(ledger) == []
    assert press(page, "cancel", state="enqueued")["text"] == f"{left:,} cancelled"


def test_one_action_on_many_at_a_time_and_single_ones_beside_it(
    board: JobBoard, page: FakePage, broker: LabBroker, ledger: Ledger
) -> None:
    ids = send(broker, 60 * STEP)
    outcome: list[Any] = []
    thread = threading.Thread(
        target=lambda: outcome.append(board.act_on_all("cancel", "enqueued", "default"))
    )
    thread.start()
    page.wait_until(lambda view: view["acting"])
    with pytest.raises(AlreadyTaken, match="middle of an action"):
        board.act_on_all("cancel", "enqueued")
    assert str(board.act("cancel", ids[-1])) == "1 cancelled"
    thread.join()
    assert (outcome[0].done, outcome[0].taken) == (60 * STEP - 1, 1)
    page.wait_until(lambda view: view["acting"] == {})


def test_a_busy_kernel_does_a_click_once(page: FakePage, broker: LabBroker, ledger: Ledger) -> None:
    [job_id] = send(broker)
    texts = {press(page, "cancel", ids=[job_id])["text"] for _ in range(2)}
    assert texts == {"1 cancelled", f"job '{job_id}' is cancelled: cancel does not fit"}
    assert ledger.counts()[JobState.CANCELLED] == 1


def test_a_closed_board_ends_what_it_does(
    board: JobBoard, broker: LabBroker, ledger: Ledger
) -> None:
    send(broker, 60 * STEP)
    thread = threading.Thread(target=lambda: board.act_on_all("cancel", "enqueued"))
    thread.start()
    wait_until(lambda: ledger.counts()[JobState.CANCELLED], description="it has begun")
    board.close()
    thread.join()
    assert ledger.counts()[JobState.ENQUEUED] > 0
    assert check(ledger) == []
