"""A board watches while it is seen, and notices what it missed: in JupyterLab 4 and Notebook 7."""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING

import pytest
from dramatiq import Message
from playwright.sync_api import expect

from labkit.broker import LabBroker
from labkit.redis_server import ThrowawayRedis
from tests.support import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser, Locator, Page

    from tests.browser.lab import Lab, Notebook

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]

BOARD = "from labkit.widgets import JobBoard\nboard = JobBoard(limit=5)\nboard"
#: As if a change had not reached the page: the next one does not follow upon what it has.
LOSE = "board._revision += 1"


@pytest.fixture(scope="module")
def mortal() -> Iterator[ThrowawayRedis]:
    """A Redis of its own, to be killed."""
    with ThrowawayRedis(persist=True) as server:
        yield server


@pytest.fixture(scope="module", params=["lab", pytest.param("notebook", marks=pytest.mark.slow)])
def notebook(
    request: pytest.FixtureRequest, lab: Lab, browser: Browser, mortal: ThrowawayRedis
) -> Iterator[Notebook]:
    """A notebook whose first cell, a board, has run."""
    name = f"watching-{request.param}.ipynb"
    cells = [BOARD, LOSE, f"JobBoard({mortal.url!r})"]
    with lab.showing(browser, name, *cells, size=(1200, 1600), front_end=request.param) as opened:
        yield opened


@pytest.fixture
def board(notebook: Notebook, redis_url: str) -> Locator:
    """The board on the page, on an empty Redis."""
    board = notebook.page.locator(".lk-board").first
    expect(board.locator(".lk-foot")).to_have_attribute("data-status", "live")
    return board


def send(broker: LabBroker, number: int) -> None:
    broker.enqueue(Message("default", "task_logger", (number,), {}, {}))


def row(board: Locator, text: str) -> Locator:
    return board.get_by_role("row").filter(has_text=text)


def test_a_page_that_closes_ends_the_watching(lab: Lab, browser: Browser) -> None:
    # A server of its own: boards of pages that closed before may still be there for seconds.
    with ThrowawayRedis() as server:
        own = server.client()

        def connections() -> int:
            return len(own.client_list())

        before = connections()
        lab.write("closing.ipynb", f"from labkit.widgets import JobBoard\nJobBoard({server.url!r})")
        opened = lab.open(browser, "closing.ipynb")
        opened.run_all()
        expect(opened.page.locator(".lk-board .lk-empty")).to_be_visible(timeout=30_000)
        assert connections() > before
        opened.page.goto("about:blank")
        wait_until(lambda: connections() == before, 6, "nobody looks, and nobody watches")
        opened.close()


def test_a_change_that_was_lost_is_made_good(
    notebook: Notebook, board: Locator, broker: LabBroker
) -> None:
    send(broker, 1)
    expect(row(board, "task_logger(1)")).to_be_visible()
    notebook.run_cell(1)
    notebook.wait_for_run(1)
    for number in (2, 3):
        send(broker, number)
        expect(row(board, f"task_logger({number})")).to_be_visible()
    expect(board.locator("[data-state=enqueued] .lk-count")).to_have_text("3")


def hide(page: Page, is_hidden: bool) -> None:
    """As a browser says it of a tab in the background."""
    page.evaluate(
        """state => {
          Object.defineProperty(document, "visibilityState", { value: state, configurable: true });
          document.dispatchEvent(new Event("visibilitychange"));
        }""",
        "hidden" if is_hidden else "visible",
    )


@pytest.mark.parametrize("how", ["collapsed", pytest.param("in the back", marks=pytest.mark.slow)])
def test_hidden_it_asks_redis_nothing(
    notebook: Notebook, board: Locator, broker: LabBroker, how: str
) -> None:
    page, own = notebook.page, broker.client
    send(broker, 1)
    expect(row(board, "task_logger(1)")).to_be_visible()

    last = time.monotonic()

    def is_silent() -> bool:
        """Whether no command but these has come for twice as long as an idle board waits."""
        nonlocal last
        if int(own.info("stats")["total_commands_processed"]) > 1:
            last = time.monotonic()
        own.config_resetstat()  # counts itself
        return time.monotonic() > last + 2.5

    def show(is_shown: bool) -> None:
        if how == "in the back":
            hide(page, not is_shown)
        elif is_shown:
            notebook.cell(0).locator(".jp-Placeholder-content").click()
        else:
            notebook.cell(0).locator(".jp-OutputCollapser").click()

    assert not is_silent()
    show(False)
    try:
        wait_until(is_silent, 15, "Redis is asked nothing")
    finally:
        show(True)
    send(broker, 2)
    expect(row(board, "task_logger(2)")).to_be_visible()


def test_stale_data_is_marked_and_heals(notebook: Notebook, mortal: ThrowawayRedis) -> None:
    notebook.run_cell(2)
    words = notebook.cell(2).locator(".lk-foot .lk-words")
    expect(words).to_have_text("live", timeout=15_000)
    mortal.kill()
    expect(words).to_contain_text(re.compile(r"stale since \d\d:\d\d:\d\d"), timeout=2_500)
    mortal.restart()
    expect(words).to_have_text("live", timeout=2_500)
