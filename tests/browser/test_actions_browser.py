"""Every action of the board, by mouse and by keyboard alone; each is then looked for in Redis."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import dramatiq
import pytest
from dramatiq import Message
from playwright.sync_api import expect

from labkit.broker import LabBroker
from labkit.ledger.check import check
from labkit.ledger.reader import Ledger
from labkit.ledger.records import JobState
from labkit.ledger.selection import STEP
from tests.support import wait_until
from tests.support_jobs import quick_retries, running_worker

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from playwright.sync_api import Browser, Locator

    from tests.browser.lab import Lab, Notebook

    Press = Callable[[Locator], None]

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]

HOUR = 3_600_000


def way(front_end: str, by: str, *marks: pytest.MarkDecorator) -> Any:
    return pytest.param((front_end, by), id=f"{front_end}-{by}", marks=marks)


@pytest.fixture(
    scope="module",
    params=[
        way("lab", "mouse"),
        way("notebook", "keyboard"),  # which takes keys before a widget sees them
        way("lab", "keyboard", pytest.mark.slow),
        way("notebook", "mouse", pytest.mark.slow),
    ],
)
def chosen(request: pytest.FixtureRequest) -> tuple[str, str]:
    """A front end, and how its buttons are pressed."""
    found: tuple[str, str] = request.param
    return found


@pytest.fixture(scope="module")
def notebook(lab: Lab, browser: Browser, chosen: tuple[str, str]) -> Iterator[Notebook]:
    """A notebook whose first cell, a board, has run."""
    board = "from labkit.widgets import JobBoard\nJobBoard(limit=5)"
    name = f"actions-{'-'.join(chosen)}.ipynb"
    with lab.showing(browser, name, board, size=(1200, 1400), front_end=chosen[0]) as opened:
        yield opened


@pytest.fixture
def board(notebook: Notebook, redis_url: str) -> Locator:
    """A new board on the page, on an empty Redis, which says nothing of an earlier action."""
    board = notebook.page.locator(".lk-board").first
    notebook.run_cell(0)
    expect(outcome(board)).to_have_text("")
    board.get_by_role("tab", name="Recent").click()
    expect(board.locator(".lk-list caption")).to_have_text("The jobs that changed last")
    expect(board.locator(".lk-list tbody tr")).to_have_count(0)
    return board


@pytest.fixture
def broker(redis_url: str) -> Iterator[LabBroker]:
    broker = LabBroker(url=redis_url)
    broker.declare_queue("default")
    yield broker
    broker.client.close()


@pytest.fixture
def press(chosen: tuple[str, str]) -> Press:
    """A click, or the focus and a key: a button hears both, and nothing else may be needed."""
    if chosen[1] == "mouse":
        return lambda target: target.click()

    def by_key(target: Locator) -> None:
        target.focus()
        target.press("Space" if target.get_attribute("type") == "checkbox" else "Enter")

    return by_key


def send(broker: LabBroker, count: int = 1, actor: str = "charge", **options: Any) -> list[str]:
    messages = [Message("default", actor, (number,), {}, {}) for number in range(count)]
    return [broker.enqueue(message, **options).message_id for message in messages]


def let_die(broker: LabBroker, ledger: Ledger, count: int) -> list[str]:
    def charge(number: int) -> None:
        raise ConnectionError("no answer")

    dramatiq.actor(broker=broker)(charge)
    quick_retries(broker, max_retries=0)
    ids = send(broker, count)
    with running_worker(broker):
        wait_until(lambda: ledger.counts()[JobState.DEAD] == count, description="all are dead")
    return ids


def do(board: Locator, name: str) -> Locator:
    return board.get_by_role("button", name=name, exact=True)


def outcome(board: Locator) -> Locator:
    return board.locator(".lk-outcome")


def state(ledger: Ledger, job_id: str) -> str:
    job = ledger.job(job_id)
    return str(job.state) if job else "gone"


def test_a_row_has_the_actions_that_fit(
    board: Locator, broker: LabBroker, ledger: Ledger, press: Press
) -> None:
    [dead] = let_die(broker, ledger, 1)
    [now] = send(broker, actor="now", delay=HOUR)
    [gone] = send(broker, actor="gone", delay=HOUR)
    press(do(board, "Run now now(0)"))
    expect(outcome(board)).to_have_text("1 set to run now")
    assert state(ledger, now) == "enqueued"
    expect(board.locator(".lk-said code")).to_have_text(f'Ledger().run_now("{now}")')
    press(do(board, "Cancel gone(0)"))
    expect(outcome(board)).to_have_text("1 cancelled")
    assert state(ledger, gone) == "cancelled"
    press(do(board, "Delete gone(0)"))
    expect(outcome(board)).to_have_text("1 deleted")
    assert state(ledger, gone) == "gone"
    press(do(board, "Retry charge(0)"))
    expect(outcome(board)).to_have_text("1 retried")
    assert state(ledger, dead) == "enqueued"
    expect(do(board, "Retry charge(0)")).to_have_count(0)
    assert check(ledger) == []


def test_a_job_is_moved_to_another_time(
    board: Locator, broker: LabBroker, ledger: Ledger, press: Press
) -> None:
    [job_id] = send(broker, actor="later", delay=HOUR)
    before = ledger.job(job_id)
    assert before is not None
    assert before.eta is not None
    press(do(board, "Move later(0)"))
    question = board.get_by_role("dialog", name="Move the job to another time")
    time = question.get_by_label("New time")
    expect(time).to_be_focused()
    time.press("Escape")
    expect(question).to_be_hidden()
    expect(do(board, "Move later(0)")).to_be_focused()
    press(do(board, "Move later(0)"))
    time.fill("2099-01-01T12:30:15")
    expect(question.locator("code")).to_contain_text("2099")
    time.press("Enter")

    def moved() -> bool:  # the words may still be those of the board's last move
        job = ledger.job(job_id)
        assert job is not None
        eta = job.eta
        return eta is not None and (eta.year, eta.minute, eta.second) == (2099, 30, 15)

    wait_until(moved, description="the job has moved")
    expect(outcome(board)).to_have_text("1 moved")
    expect(question).to_be_hidden()


def test_the_opened_job_shows_each_line_of_python(
    board: Locator, broker: LabBroker, ledger: Ledger, press: Press
) -> None:
    [job_id] = send(broker, actor="opened", delay=HOUR)
    press(board.locator(".lk-open", has_text="opened(0)"))
    opened = board.get_by_role("group", name="The opened job")
    lines = opened.locator(".lk-deed code")
    expect(lines.first).to_have_text(f'Ledger().run_now("{job_id}")')
    expect(lines.last).to_have_text(f'Ledger().cancel("{job_id}")')
    press(do(opened, "Cancel"))
    expect(outcome(board)).to_have_text("1 cancelled")
    assert state(ledger, job_id) == "cancelled"
    expect(do(opened, "Delete")).to_be_visible()
    press(do(opened, "Close the job"))


def test_some_are_selected_asked_for_and_retried(
    board: Locator, broker: LabBroker, ledger: Ledger, press: Press
) -> None:
    ids = let_die(broker, ledger, 3)
    press(board.get_by_role("tab", name="Dead"))
    expect(board.locator(".lk-list caption")).to_have_text("Jobs dead")  # another list, none chosen
    for number in (0, 2):
        press(board.get_by_role("checkbox", name=f"Select charge({number})"))
    expect(board.locator(".lk-chosen")).to_have_text("2 selected:")
    ledger.retry(ids[0])  # somebody else was quicker
    press(do(board, "Retry 2…"))
    question = board.get_by_role("dialog", name="Retry 2 selected jobs?")
    expect(question).to_be_visible()
    press(do(question, "Retry 2"))
    expect(outcome(board)).to_have_text("1 retried, 1 already taken")
    assert [state(ledger, job_id) for job_id in ids] == ["enqueued", "dead", "enqueued"]
    assert board.page.evaluate("document.activeElement !== document.body"), "the focus goes on"


def test_all_that_match_are_counted_confirmed_and_done(
    board: Locator, broker: LabBroker, ledger: Ledger, press: Press
) -> None:
    send(broker, 23)
    press(board.get_by_role("tab", name="Enqueued"))
    expect(board.locator(".lk-chosen")).to_have_text("All 23:")
    everything = board.get_by_role("button", name="Cancel… all 23")
    press(everything)
    question = board.get_by_role("dialog", name="Cancel all 23 enqueued jobs?")
    expect(do(question, "Cancel 23")).to_be_focused()
    expect(question.locator("code")).to_have_text('Ledger().select("enqueued").cancel()')
    board.page.keyboard.press("Escape")
    expect(question).to_be_hidden()
    expect(everything).to_be_focused()
    assert ledger.counts()[JobState.ENQUEUED] == 23
    press(everything)
    expect(question).to_be_visible()
    board.page.keyboard.press("Enter")
    expect(outcome(board)).to_have_text("23 cancelled")
    assert ledger.counts()[JobState.CANCELLED] == 23
    assert board.page.evaluate("document.activeElement !== document.body"), "the focus goes on"


def test_it_shows_how_far_it_is_and_stops(
    board: Locator, broker: LabBroker, ledger: Ledger, press: Press
) -> None:
    total = 1_500 * STEP  # some seconds' work: time to press Stop
    broker.enqueue_many([Message("default", "charge", (n,), {}, {}) for n in range(total)])
    press(board.get_by_role("tab", name="Enqueued"))
    press(board.get_by_role("button", name=f"Cancel… all {total:,}"))
    do(board.get_by_role("dialog"), f"Cancel {total:,}").wait_for()
    board.page.keyboard.press("Enter")
    press(do(board.locator(".lk-said"), "Stop"))
    expect(outcome(board)).to_contain_text("left as they were")
    counts = ledger.counts()
    assert 0 < counts[JobState.ENQUEUED] < total
    assert check(ledger) == []


def test_a_board_for_looking_only_has_no_buttons_for_it(
    lab: Lab, browser: Browser, broker: LabBroker, redis_url: str
) -> None:
    send(broker, 2)
    lab.write("looking.ipynb", f"from labkit.widgets import JobBoard\nJobBoard({redis_url!r})")
    opened = lab.open(browser, "looking.ipynb")
    opened.run_all()
    board = opened.page.locator(".lk-board")
    expect(board.locator(".lk-open").first).to_be_visible(timeout=30_000)
    board.locator(".lk-open").first.click()
    expect(board.get_by_role("group", name="The opened job")).to_be_visible()
    assert board.get_by_role("checkbox").count() == 0
    for name in ("Cancel", "Retry", "Delete", "Run now", "Move"):
        assert board.get_by_role("button", name=name).count() == 0
    opened.close()
