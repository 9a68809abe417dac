"""What is clicked while the kernel is busy: shown as pending, not lost, and done once."""

from __future__ import annotations

import os
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest
from dramatiq import Message
from playwright.sync_api import expect

from labkit.broker import LabBroker
from labkit.ledger.reader import Ledger
from tests.support import wait_until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from playwright.sync_api import Browser, Locator

    from tests.browser.lab import Lab, Notebook

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]

BUSY = """
import time
from pathlib import Path
Path("at-work").touch()
while not Path("act").exists():
    time.sleep(0.05)
"""
#: Waits until the test opens the gate, too, and keeps the GIL meanwhile, as a long step in C does.
#: Whether a kernel hears its pages while other cells run differs by its version; now none does.
DEAF = """
import ctypes
import os
from pathlib import Path
os.mkfifo("gate")
Path("at-work").touch()
ctypes.PyDLL(None).open(b"gate", os.O_RDONLY)
os.remove("gate")
"""


@pytest.fixture(scope="module", params=["lab", pytest.param("notebook", marks=pytest.mark.slow)])
def notebook(request: pytest.FixtureRequest, lab: Lab, browser: Browser) -> Iterator[Notebook]:
    name = f"busy-{request.param}.ipynb"
    lab.write(name, "from labkit.widgets import JobBoard\nJobBoard(limit=5)", BUSY, DEAF)
    opened = lab.open(browser, name, size=(1200, 1400), front_end=request.param)
    yield opened
    opened.close()


@pytest.fixture
def board(notebook: Notebook, redis_url: str) -> Locator:
    """A new board, on an empty Redis."""
    notebook.run_cell(0)
    board = notebook.cell(0).locator(".lk-board")
    expect(board).to_be_visible(timeout=30_000)
    expect(board.locator(".lk-outcome")).to_have_text("")
    expect(board.locator(".lk-list tbody tr")).to_have_count(0)
    return board


def send(broker: LabBroker) -> str:
    return broker.enqueue(Message("default", "charge", (7,), {}, {})).message_id


def state(ledger: Ledger, job_id: str) -> str:
    job = ledger.job(job_id)
    return str(job.state) if job else "gone"


def cancel(board: Locator) -> Locator:
    return board.get_by_role("button", name="Cancel charge(7)", exact=True)


@contextmanager
def runs(notebook: Notebook, lab: Lab, cell: int, end: Callable[[], object]) -> Iterator[None]:
    """The kernel runs this cell for as long as this block, until ``end`` lets it go on."""
    begun = lab.folder / "at-work"
    begun.unlink(missing_ok=True)
    notebook.run_cell(cell)
    try:
        wait_until(begun.exists, description="the cell runs")
        yield
    finally:
        end()


def test_clicks_on_a_busy_kernel_are_not_lost_and_done_once(
    lab: Lab, notebook: Notebook, board: Locator, broker: LabBroker, ledger: Ledger
) -> None:
    job_id = send(broker)
    button = cancel(board)
    expect(button).to_be_visible()
    go_on = lab.folder / "act"
    go_on.unlink(missing_ok=True)
    with runs(notebook, lab, 1, go_on.touch):
        button.evaluate("button => [1, 2, 3].forEach(() => button.click())")
    expect(board.locator(".lk-outcome")).to_have_text("1 cancelled")
    assert state(ledger, job_id) == "cancelled"
    cancelled = [event for event in ledger.events("0", block=1) if event.state == "cancelled"]
    assert len(cancelled) == 1


def test_an_action_is_pending_until_the_kernels_cell_is_done(
    lab: Lab, notebook: Notebook, board: Locator, broker: LabBroker, ledger: Ledger
) -> None:
    job_id = send(broker)
    button = cancel(board)
    expect(button).to_be_visible()
    gate = lab.folder / "gate"
    with runs(notebook, lab, 2, lambda: os.close(os.open(gate, os.O_WRONLY | os.O_NONBLOCK))):
        button.press("Enter")
        expect(button).to_have_attribute("aria-busy", "true")
        expect(board.locator(".lk-outcome")).to_have_text(
            "Pending: it is done when the kernel's cell is."
        )
        assert state(ledger, job_id) == "enqueued"
    expect(board.locator(".lk-outcome")).to_have_text("1 cancelled")
    expect(board.locator("[data-wish][aria-busy]")).to_have_count(0)
    assert state(ledger, job_id) == "cancelled"
