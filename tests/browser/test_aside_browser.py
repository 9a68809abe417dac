"""Beside the board's jobs, in a real browser and by keyboard: replay, keys, workers, charts."""

from __future__ import annotations

import os
import re
import sys
import threading
from typing import TYPE_CHECKING, Any

import dramatiq
import pytest
from dramatiq import Message
from playwright.sync_api import expect

from labkit import tether
from labkit.broker import LabBroker
from labkit.ledger.reader import Ledger
from labkit.ledger.records import JobState
from tests.support import wait_until
from tests.support_jobs import quick_retries, running_worker, wait_for_state

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from playwright.sync_api import Browser, Locator

    from tests.browser.lab import Lab, Notebook

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]

SET_BROKER = "import dramatiq\ndramatiq.set_broker(LabBroker())\ndramatiq.actor(print)\n"
SIDE_BY_SIDE = """
from ipywidgets import HBox, VBox
from labkit.widgets import JobBoard, TaskForm, Throughput, Timeline, WorkerPanel
above, below = HBox([Throughput(), Timeline(limit=3)]), HBox([TaskForm(), WorkerPanel()])
VBox([above, JobBoard(limit=4), below])
"""


@pytest.fixture(scope="module")
def notebook(lab: Lab, browser: Browser) -> Iterator[Notebook]:
    """All widgets side by side, as a chapter shows them."""
    with lab.showing(browser, "aside.ipynb", SIDE_BY_SIDE, size=(1200, 1900)) as opened:
        yield opened


@pytest.fixture
def board(notebook: Notebook, redis_url: str) -> Locator:
    """The board, live on an empty Redis."""
    board = notebook.page.locator(".lk-board")
    board.get_by_role("tab", name="Recent").click()
    expect(board.locator(".lk-foot")).to_have_attribute("data-status", "live")
    expect(board.locator(".lk-list tbody tr")).to_have_count(0)
    return board


def send(broker: LabBroker, *args: Any, queue: str = "default", **more: Any) -> str:
    return broker.enqueue(Message(queue, "works", args, {}, {}), **more).message_id


def rows(board: Locator) -> Locator:
    return board.locator(".lk-list tbody tr")


def test_back_through_the_events_and_to_what_is(board: Locator, broker: LabBroker) -> None:
    page, ledger = board.page, Ledger(client=broker.client)
    first, second = send(broker, 1), send(broker, 2)
    ledger.cancel(first)
    expect(rows(board)).to_have_count(2)
    counts = {name: board.get_by_role("tab", name=name) for name in ("Enqueued", "Cancelled")}
    expect(counts["Cancelled"]).to_contain_text("1")
    # By keyboard: the button, then the slider behind it
    board.get_by_role("button", name="Replay").focus()
    page.keyboard.press("Enter")
    bar = board.get_by_role("group", name="Replay")
    expect(bar).to_contain_text("event 3 of 3 · works(1) enqueued → cancelled")
    slider = bar.get_by_role("slider")
    slider.focus()
    page.keyboard.press("ArrowLeft")
    expect(bar).to_contain_text("event 2 of 3 · works(2) enqueued")
    expect(counts["Enqueued"]).to_contain_text("2")
    expect(counts["Cancelled"]).to_contain_text("0")
    expect(rows(board).filter(has_text="works(1)")).to_contain_text("enqueued")
    expect(board.locator(".lk-foot")).to_contain_text("the past")
    # What comes now changes nothing there
    third = send(broker, 3)
    page.keyboard.press("Home")
    expect(bar).to_contain_text("before the first event")
    expect(rows(board)).to_have_count(0)
    expect(slider).to_have_attribute("aria-valuetext", "event 0 of 3 · before the first event")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(bar).to_be_hidden()
    expect(board.get_by_role("button", name="Replay")).to_be_focused()
    expect(rows(board)).to_have_count(3)
    expect(counts["Cancelled"]).to_contain_text("1")
    assert {ledger.job(job).state for job in (second, third)} == {JobState.ENQUEUED}  # type: ignore[union-attr]


def test_an_opened_job_says_why_it_waits_and_where_it_is(board: Locator, broker: LabBroker) -> None:
    page = board.page
    send(broker, 1), send(broker, 2)
    rows(board).filter(has_text="works(2)").get_by_role("button").first.focus()
    page.keyboard.press("Enter")
    opened = board.get_by_role("group", name="The opened job")
    expect(opened).to_contain_text("no worker runs")
    summary = opened.locator(".lk-keys summary")
    summary.focus()
    page.keyboard.press("Enter")
    command = opened.locator("dt", has_text="LPOS dramatiq:default").locator("code")
    words = (command.text_content() or "").split()
    assert broker.client.execute_command(*words) == 1
    expect(opened.locator("dt", has_text="LPOS").locator("+ dd")).to_have_text("1")
    # It stays unfolded, and true, while the job goes on

    @dramatiq.actor(broker=broker)
    def works(number: int) -> None:
        raise ValueError("no")

    quick_retries(broker, max_retries=1)
    with running_worker(broker):
        expect(opened.locator("dt", has_text="XQ.msgs")).to_be_visible()
        expect(opened.locator(".lk-story")).to_contain_text("attempt 2 failed")
        expect(opened.locator(".lk-bar .lk-failed")).to_have_count(2)
    expect(opened).not_to_contain_text("why it waits")


def test_the_workers_and_a_row_that_none_takes(board: Locator, broker: LabBroker) -> None:
    gate = threading.Event()

    @dramatiq.actor(broker=broker)
    def works(number: int) -> None:
        gate.wait(20)

    button = board.get_by_role("button", name="Workers", exact=True)
    button.focus()
    board.page.keyboard.press("Enter")
    crew = board.get_by_role("group", name="Workers")
    expect(crew).to_contain_text("No labkit worker runs")
    job = send(broker, 1)
    send(broker, 2, queue="mail")
    with running_worker(broker):
        expect(crew).to_contain_text("works(1) for")
        expect(crew).to_contain_text("1 idle")
        expect(crew).to_contain_text(broker.worker_name)
        expect(rows(board).filter(has_text="works(2)")).to_contain_text("no worker for mail")
        for wish, words in (("Quiet", "takes no more jobs"), ("Go on", "1 idle")):
            crew.get_by_role("button", name=f"{wish} {broker.worker_name}").press("Enter")
            expect(crew.locator("tbody")).to_contain_text(words)
        gate.set()
        wait_for_state(Ledger(client=broker.client), job, JobState.COMPLETED)
    button.press("Enter")
    expect(crew).to_be_hidden()


def test_a_worker_is_killed_after_a_question(
    board: Locator, redis_url: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    press = board.page.keyboard.press
    (tmp_path / "nothing.py").write_text("from labkit.broker import LabBroker\n" + SET_BROKER)
    command = [sys.executable, "-m", "dramatiq", "nothing", "-p", "1", "-t", "2"]
    worker = tether.start(
        command, output=tmp_path / "log", env={"REDIS_URL": redis_url}, cwd=tmp_path
    )
    request.addfinalizer(worker.kill)
    board.get_by_role("button", name="Workers", exact=True).press("Enter")
    crew = board.get_by_role("group", name="Workers")
    # The card of the last test's worker, in this very process, may still lie there.
    row = crew.locator("tbody tr").filter(has_not_text=f":{os.getpid()}")
    expect(row).to_contain_text(re.compile(r"\d+ MiB"))
    kill = row.get_by_role("button", name="Kill")
    kill.press("Enter")
    question = board.get_by_role("dialog", name="What it runs is cut off")
    expect(question.locator("code")).to_contain_text("Ledger().kill(")
    press("Escape")
    expect(kill).to_be_focused()
    assert worker.running
    press("Enter")
    expect(question.get_by_role("button", name="Kill")).to_be_focused()
    press("Enter")
    wait_until(lambda: not worker.running, description="its main process has gone, too")
    expect(board.locator(".lk-outcome")).to_contain_text("was killed")
    board.get_by_role("button", name="Workers", exact=True).press("Enter")


def test_the_chart_and_its_table(notebook: Notebook, board: Locator, broker: LabBroker) -> None:
    @dramatiq.actor(broker=broker)
    def works(number: int) -> None: ...

    for number in range(3):
        send(broker, number)
    chart = notebook.page.locator(".lk-throughput")
    with running_worker(broker):
        expect(chart.locator("tbody tr").first).to_contain_text("3")
    expect(chart.get_by_role("img").first).to_have_attribute(
        "aria-label", re.compile("3 completed, 0 failed")
    )
    chart.locator("summary").focus()
    notebook.page.keyboard.press("Enter")
    expect(chart.get_by_role("columnheader", name="95 in 100 within")).to_be_visible()


def test_side_by_side_at_any_width(notebook: Notebook, board: Locator, broker: LabBroker) -> None:
    """None is wider than its place; and numbers that change move nothing."""
    page = notebook.page
    widgets = page.locator(".labkit")
    expect(widgets).to_have_count(5)
    for width in (1200, 600, 320):
        page.set_viewport_size({"width": width, "height": 1900})
        for widget in widgets.all():
            size = widget.evaluate("node => [node.scrollWidth, node.clientWidth]")
            assert size[0] <= size[1], (width, widget.get_attribute("class"))
    page.set_viewport_size({"width": 1200, "height": 1900})
    board.scroll_into_view_if_needed()
    before = board.locator(".lk-tabs").bounding_box()
    tops = [widget.bounding_box() for widget in widgets.all()]
    send(broker, 1)
    expect(board.get_by_role("tab", name="Enqueued")).to_contain_text("1")
    for number in range(150):
        send(broker, number)
    expect(board.get_by_role("tab", name="Enqueued")).to_contain_text("151")
    assert board.locator(".lk-tabs").bounding_box() == before
    assert [widget.bounding_box() for widget in widgets.all()] == tops
