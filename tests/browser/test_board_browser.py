"""The board in JupyterLab 4 and in Notebook 7, in a real Chromium: what a person sees and does."""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING, Any

import dramatiq
import pytest
from dramatiq import Message
from playwright.sync_api import expect

from labkit.broker import LabBroker
from tests.browser.lab import FRONT_ENDS
from tests.support_jobs import quick_retries, running_worker

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser, Locator

    from tests.browser.lab import Lab, Notebook

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]

BOARD = "from labkit.widgets import JobBoard\nboard = JobBoard(limit=5)\nboard"

BUSY = """
import time
from pathlib import Path
while not Path("go-on").exists():
    time.sleep(0.05)
print("done")
"""


@pytest.fixture(scope="module", params=FRONT_ENDS)
def notebook(request: pytest.FixtureRequest, lab: Lab, browser: Browser) -> Iterator[Notebook]:
    """A notebook whose first cell, a board, has run."""
    (lab.folder / "go-on").unlink(missing_ok=True)
    name = f"board-{request.param}.ipynb"
    shown = {"size": (1200, 1600), "front_end": request.param}
    with lab.showing(browser, name, BOARD, BUSY, **shown) as opened:
        yield opened


@pytest.fixture
def board(notebook: Notebook, redis_url: str) -> Locator:
    """The board on the page, on an empty Redis, showing the jobs that changed last."""
    board = notebook.page.locator(".lk-board").first
    board.get_by_role("tab", name="Recent").click()
    expect(board.get_by_role("tab", name="Recent")).to_have_attribute("aria-selected", "true")
    expect(board.locator(".lk-foot")).to_have_attribute("data-status", "live")
    return board


def send(broker: LabBroker, *args: Any, actor: str = "task_logger", **kwargs: Any) -> str:
    return broker.enqueue(Message("default", actor, args, kwargs, {})).message_id


def row(board: Locator, text: str) -> Locator:
    return board.get_by_role("row").filter(has_text=text)


def count(board: Locator, state: str) -> Locator:
    return board.get_by_role("tab", name=state).locator(".lk-count")


def test_a_jobs_way_from_enqueued_to_completed(board: Locator, broker: LabBroker) -> None:
    gate = broker.client.lock("gate", timeout=30)
    gate.acquire()

    @dramatiq.actor(broker=broker)
    def task_logger(task_id: int) -> None:
        with broker.client.lock("gate", timeout=30):
            pass

    send(broker, 7)
    job = row(board, "task_logger(7)")
    expect(job).to_contain_text("enqueued")
    expect(count(board, "Enqueued")).to_have_text("1")
    with running_worker(broker):
        expect(job).to_contain_text("running")
        expect(count(board, "Running")).to_have_text("1")
        gate.release()
        expect(job).to_contain_text("completed")
    expect(count(board, "Completed")).to_have_text("1")
    expect(job).to_contain_text(re.compile(r"\d\d:\d\d:\d\d"))


def test_a_write_to_redis_is_on_the_page_at_once(board: Locator, broker: LabBroker) -> None:
    expect(row(board, "probe(")).to_have_count(0)
    begun = time.monotonic()
    send(broker, actor="probe")
    expect(row(board, "probe()")).to_be_visible()
    assert time.monotonic() - begun < 1.0


def test_a_dead_job_is_found_and_opened(board: Locator, broker: LabBroker) -> None:
    @dramatiq.actor(broker=broker)
    def charge(order: int) -> None:
        raise ConnectionError(f"no answer for order {order}")

    quick_retries(broker, max_retries=1)
    with running_worker(broker):
        send(broker, 42, actor="charge")
        expect(count(board, "Dead")).to_have_text("1")
    board.get_by_role("tab", name="Dead").click()
    board.locator(".lk-open", has_text="charge(42)").click()
    opened = board.get_by_role("group", name="The opened job")
    expect(opened).to_contain_text("attempt 2")
    expect(opened.locator("pre").last).to_contain_text("ConnectionError: no answer for order 42")
    opened.get_by_role("button", name="Close the job").click()
    expect(opened).to_be_hidden()
    expect(board.locator(".lk-open", has_text="charge(42)")).to_be_focused()


def test_the_keyboard_alone_is_enough(board: Locator, broker: LabBroker) -> None:
    for number in range(7):
        send(broker, number)
    page = board.page
    board.get_by_role("tab", name="Recent").focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    expect(board.get_by_role("tab", name="Enqueued")).to_be_focused()
    expect(board.locator(".lk-range")).to_have_text("1–5 of 7")
    board.get_by_role("button", name="Next page").press("Enter")
    expect(board.locator(".lk-range")).to_have_text("6–7 of 7")
    expect(board.get_by_role("button", name="Next page")).to_be_disabled()
    page.keyboard.press("Shift+Tab")
    board.locator(".lk-open").first.press("Enter")
    expect(board.get_by_role("group", name="The opened job")).to_be_visible()
    board.get_by_role("button", name="Close the job").press("Enter")
    expect(board.get_by_role("group", name="The opened job")).to_be_hidden()


def test_keys_pressed_in_the_board_are_no_commands_of_the_notebook(
    notebook: Notebook, board: Locator
) -> None:
    page, tab = notebook.page, board.get_by_role("tab", name="Recent")
    notebook.cell(0).locator(".jp-InputPrompt").click()
    tab.focus()
    for key in ("d", "d", "a", "x", "Enter"):  # delete, insert, cut, edit
        page.keyboard.press(key)
    expect(page.locator(".jp-Notebook .jp-Cell")).to_have_count(2)
    expect(tab).to_be_focused()
    notebook.save()  # with Control+s, from here
    expect(tab).to_be_focused()
    page.keyboard.press("Escape")
    expect(notebook.cell(0)).to_be_focused()


def test_what_a_job_brings_along_is_text(board: Locator, broker: LabBroker) -> None:
    attack = "<img src=x onerror='window.stolen=1'><script>window.stolen=1</script>"
    send(broker, attack, actor=attack, password="hunter2")
    expect(board.locator(".lk-open", has_text="<img src=x").first).to_be_visible()
    board.locator(".lk-open", has_text="<img src=x").first.click()
    expect(board.locator(".lk-title")).to_contain_text("<script>")
    assert board.page.evaluate("window.stolen") is None
    assert board.locator("img, script").count() == 0
    assert "hunter2" not in board.inner_text()
    board.get_by_role("button", name="Close the job").click()


def test_it_fits_where_it_stands_and_nothing_jumps(board: Locator, broker: LabBroker) -> None:
    def size() -> tuple[float, float]:
        box = board.bounding_box()
        assert box is not None
        return box["width"], box["height"]

    empty = size()
    for number in range(12):
        send(broker, "x" * 200, number)
    expect(board.get_by_role("row")).to_have_count(6)  # with the head
    assert size() == empty, "full or empty, it is as large"
    for width in (320, 480, 760, 1000):
        board.evaluate("(board, width) => { board.style.width = `${width}px` }", width)
        hangs_over = board.evaluate(
            "board => [...board.querySelectorAll(':not(.lk-open *)')].filter("
            "e => e.getBoundingClientRect().right > board.getBoundingClientRect().right + 1"
            ").map(e => e.className)"
        )
        assert hangs_over == [], f"at {width} px"
    board.evaluate("board => { board.style.width = '' }")


def test_a_busy_kernel_still_shows_and_loses_no_click(
    lab: Lab, notebook: Notebook, board: Locator, broker: LabBroker
) -> None:
    enqueued = board.get_by_role("tab", name="Enqueued")
    star = notebook.cell(1).locator(".jp-InputPrompt")
    notebook.run_cell(1)
    try:
        expect(star).to_have_text("[*]:")
        send(broker, 1)
        expect(row(board, "task_logger(1)")).to_be_visible()
        enqueued.click()
        expect(board.locator(".lk-foot .lk-words")).to_have_text("waiting for the kernel")
        expect(enqueued).to_have_attribute("aria-busy", "true")
        send(broker, 2)
        expect(count(board, "Enqueued")).to_have_text("2")
        expect(star).to_have_text("[*]:")
    finally:
        (lab.folder / "go-on").touch()
    expect(enqueued).not_to_have_attribute("aria-busy", "true")
    expect(board.locator(".lk-list caption")).to_have_text("Jobs enqueued")
    expect(board.locator(".lk-foot .lk-words")).to_have_text("live")


def test_a_kernel_that_has_gone_is_said(notebook: Notebook, board: Locator) -> None:
    page = notebook.page
    page.get_by_role("button", name="Restart the kernel", exact=True).click()
    page.get_by_role("button", name="Confirm Kernel Restart").click()
    expect(board.locator(".lk-foot .lk-words")).to_have_text("no kernel", timeout=15_000)
    expect(board.locator(".lk-hint")).to_have_text("run the cell again")
    notebook.wait_until_open()
    notebook.run_cell(0)
    fresh = notebook.cell(0).locator(".lk-board .lk-foot .lk-words")
    expect(fresh).to_have_text("live", timeout=20_000)
