"""Finding jobs on the page, by keyboard alone; stock Dramatiq; and a page that has to ask."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from dramatiq import Message
from playwright.sync_api import expect

from labkit.broker import LabBroker
from labkit.redis_server import ThrowawayRedis
from tests.support_stock import stock_producer

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser, Locator

    from tests.browser.lab import Lab, Notebook

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]

BOARDS = """
from labkit.widgets import JobBoard
JobBoard({ours!r}, limit=5)
"""


@pytest.fixture(scope="module")
def ours() -> Iterator[ThrowawayRedis]:
    with ThrowawayRedis() as server:
        yield server


@pytest.fixture(scope="module")
def theirs() -> Iterator[ThrowawayRedis]:
    with ThrowawayRedis() as server:
        yield server


@pytest.fixture(scope="module")
def notebook(
    lab: Lab, browser: Browser, ours: ThrowawayRedis, theirs: ThrowawayRedis
) -> Iterator[Notebook]:
    with stock_producer(theirs.url) as send:
        send("wait", "a")
    lab.write(
        "search.ipynb",
        BOARDS.format(ours=ours.url),
        f"JobBoard({theirs.url!r}, limit=3)",
        f"JobBoard({ours.url!r}, limit=3, live=False)",
    )
    opened = lab.open(browser, "search.ipynb", size=(1100, 1700))
    opened.run_all()
    expect(opened.page.locator(".lk-board")).to_have_count(3, timeout=30_000)
    yield opened
    opened.close()


@pytest.fixture
def broker(ours: ThrowawayRedis) -> Iterator[LabBroker]:
    with ours.client() as client:
        client.flushall()
    broker = LabBroker(url=ours.url)
    yield broker
    broker.client.close()


@pytest.fixture
def board(notebook: Notebook, broker: LabBroker) -> Locator:
    """The first board, on an empty Redis, with nothing searched for."""
    board = notebook.page.locator(".lk-board").first
    box(board).fill("")
    board.get_by_role("tab", name="Recent").click()
    expect(board.locator(".lk-list caption")).to_have_text("The jobs that changed last")
    return board


def box(board: Locator) -> Locator:
    return board.get_by_role("searchbox", name="Search jobs")


def send(broker: LabBroker, *args: Any, queue: str = "default", **how: Any) -> str:
    delay = how.pop("delay", None)
    return broker.enqueue(Message(queue, "remind", args, how, {}), delay=delay).message_id


def send_many(broker: LabBroker, many: int) -> None:
    messages: list[Message[Any]] = [
        Message("default", "count", (), {"number": number}, {}) for number in range(many)
    ]
    broker.enqueue_many(messages)


def rows(board: Locator) -> Locator:
    return board.locator(".lk-list tbody tr")


def test_the_keyboard_alone_finds_narrows_turns_and_ends(board: Locator, broker: LabBroker) -> None:
    keyboard = board.page.keyboard
    send_many(broker, 40)
    milk = send(broker, "milk", queue="mail")
    late = send(broker, "milk", queue="mail", delay=900_000)
    board.get_by_role("tab", name="Recent").focus()
    keyboard.press("Tab")
    expect(box(board)).to_be_focused()
    keyboard.type("milk queue:mail")
    expect(rows(board)).to_have_count(2)
    expect(board.locator(".lk-search .lk-progress")).to_have_text("2 found, searched 42 of 42")
    keyboard.type(" state:scheduled")
    keyboard.press("Enter")
    expect(rows(board)).to_have_count(1)
    expect(board.get_by_role("tab", name="Scheduled")).to_have_attribute("aria-selected", "true")
    assert broker.client.zrange(broker.keys.state("scheduled"), 0, -1) == [late.encode()]
    keyboard.press("Control+a")
    keyboard.type(milk)
    expect(box(board)).to_have_value(milk)
    keyboard.press("Enter")
    expect(rows(board)).to_contain_text(["enqueued"])  # a whole id is found behind any tab
    keyboard.press("Control+a")
    keyboard.type("number state:enqueued\n")
    expect(board.locator(".lk-range")).to_have_text("1–5 of 30+")
    board.get_by_role("button", name="Next page").press("Enter")
    expect(board.locator(".lk-range")).to_have_text("6–10 of 30+")
    box(board).focus()
    keyboard.press("Escape")
    expect(box(board)).to_have_value("")
    expect(board.locator(".lk-list caption")).to_have_text("Jobs enqueued")
    expect(board.locator(".lk-search .lk-progress")).to_have_text("")


def test_a_search_says_how_far_it_is_stops_and_goes_on(board: Locator, broker: LabBroker) -> None:
    for _ in range(16):
        send_many(broker, 5_000)
    progress = board.locator(".lk-search .lk-progress")
    box(board).fill("state:enqueued no-such-word")
    box(board).press("Enter")
    stop = board.get_by_role("button", name="Stop")
    stop.press("Enter")
    go_on = board.get_by_role("button", name="Go on")
    expect(go_on).to_be_focused()
    expect(board.locator(".lk-empty strong")).to_have_text("None found so far")
    stood = progress.text_content()
    send(broker, 1)
    expect(board.get_by_role("tab", name="Enqueued")).to_contain_text("80,001")
    assert progress.text_content() == stood
    go_on.press("Enter")
    expect(progress).to_have_text("0 found, searched 80,001 of 80,001", timeout=60_000)
    expect(board.locator(".lk-empty strong")).to_have_text("No job fits")


def test_a_masked_secret_is_not_found(board: Locator, broker: LabBroker) -> None:
    send(broker, "open", password="hunter2")
    box(board).fill("hunter2")
    expect(board.locator(".lk-search .lk-progress")).to_have_text("0 found, searched 1 of 1")
    box(board).fill("password=•••")
    expect(rows(board)).to_contain_text(["remind('open', password=•••)"])


def test_a_state_that_is_none_is_said_and_a_tab_goes_before_words(
    board: Locator, broker: LabBroker
) -> None:
    send(broker, "milk")
    box(board).fill("state:done milk")
    expect(board.locator(".lk-search .lk-progress")).to_contain_text("there is no state 'done'")
    box(board).fill("state:dead milk")
    expect(board.locator(".lk-empty strong")).to_have_text("No job fits")
    board.get_by_role("tab", name="Enqueued").click()
    expect(box(board)).to_have_value("milk")
    expect(rows(board)).to_contain_text(["remind('milk')"])


def test_jobs_in_a_workers_memory_are_told_apart(board: Locator, broker: LabBroker) -> None:
    board.get_by_role("tab", name="Enqueued").click()
    send(broker, 1)
    send(broker, 2)
    broker.do_fetch("default", 1)  # by somebody who does not say who it is
    expect(rows(board).first).to_contain_text("running or prefetched")
    expect(rows(board).last).not_to_contain_text("prefetched")
    expect(board.get_by_role("tab", name="Running")).to_contain_text("0")


def test_stock_dramatiq_is_shown_as_far_as_it_tells(
    notebook: Notebook, theirs: ThrowawayRedis
) -> None:
    board = notebook.page.locator(".lk-board").nth(1)
    completed = board.get_by_role("tab", name="Completed")
    expect(completed.locator(".lk-count")).to_have_text("not recorded")
    expect(board.get_by_role("tab", name="Enqueued").locator(".lk-count")).to_have_text("1")
    expect(board.locator(".lk-hint")).to_contain_text("running or prefetched cannot be told apart")
    for name in ("Workers", "Replay"):  # these need a ledger
        expect(board.get_by_role("button", name=name, exact=True)).to_have_count(0)
    completed.click()
    expect(board.locator(".lk-empty strong")).to_have_text("Not recorded")
    with stock_producer(theirs.url) as send_stock:
        send_stock("wait", "b", queue="mail")
    expect(board.get_by_role("tab", name="Enqueued").locator(".lk-count")).to_have_text("2")
    box(board).fill("queue:mail")
    expect(board.locator(".lk-empty strong")).to_have_text("No job fits")
    board.get_by_role("tab", name="Recent").click()
    expect(rows(board)).to_contain_text(["wait('b')"])
    assert theirs.client().keys("*__ledger__*") == []


def test_a_page_that_gets_no_updates_asks(
    notebook: Notebook, board: Locator, broker: LabBroker
) -> None:
    asking = notebook.page.locator(".lk-board").nth(2)
    expect(asking.locator(".lk-foot .lk-words")).to_contain_text("as of ")
    send(broker, "milk")
    expect(rows(asking)).to_contain_text(["remind('milk')"], timeout=5_000)
    send(broker, "bread")
    asking.get_by_role("button", name="Refresh").press("Enter")
    expect(rows(asking)).to_have_count(2)
    box(asking).fill("milk")
    expect(rows(asking)).to_contain_text(["remind('milk')"])
    expect(rows(asking)).to_have_count(1)
    box(asking).fill("")


def test_the_search_fits_where_it_stands(board: Locator, broker: LabBroker) -> None:
    send_many(broker, 20)
    for text in ("", "number", "state:done"):
        box(board).fill(text)
        expect(box(board)).to_have_value(text)
        for width in (320, 480, 760, 1000):
            board.evaluate("(board, width) => { board.style.width = `${width}px` }", width)
            hangs_over = board.evaluate(
                "board => [...board.querySelectorAll('.lk-search, .lk-search *')].filter("
                "e => e.getBoundingClientRect().right > board.getBoundingClientRect().right + 1"
                ").map(e => e.className)"
            )
            assert hangs_over == [], f"at {width} px with {text!r}"
    board.evaluate("board => { board.style.width = '' }")
