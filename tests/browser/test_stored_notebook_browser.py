"""A notebook that was saved and is opened again shows the static twin: trusted, or not."""

from __future__ import annotations

from typing import TYPE_CHECKING

import nbformat
import pytest
from dramatiq import Message
from playwright.sync_api import expect

from labkit.broker import LabBroker
from labkit.notebook_hook import VIEW

if TYPE_CHECKING:
    from playwright.sync_api import Browser

    from tests.browser.lab import Lab

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]


def test_what_is_left_when_the_notebook_is_opened_again(
    lab: Lab, browser: Browser, redis_url: str
) -> None:
    broker = LabBroker(url=redis_url)
    broker.enqueue(Message("default", "task_logger", (7,), {}, {}))
    broker.client.close()
    lab.write(
        "stored.ipynb",
        "from labkit.widgets import JobBoard, WorkerPanel\nboard = JobBoard()\nboard",
        "WorkerPanel()",
        "board.snapshot()",
    )
    opened = lab.open(browser, "stored.ipynb")
    opened.run_all()
    expect(opened.page.locator(".lk-board tbody tr")).to_have_count(1, timeout=30_000)
    opened.wait_for_run(2)
    opened.save()
    expect(opened.page.locator(".lk-board"), "the page keeps its live board").to_be_visible()
    opened.save()
    expect(opened.page.locator(".jp-Dialog")).to_have_count(0)
    opened.close()

    stored = lab.read("stored.ipynb")
    assert VIEW not in nbformat.writes(stored)
    assert "widgets" not in stored.metadata

    # A copy that somebody else has changed bears no signature of this machine.
    stored.cells[0].source += "  # changed"
    nbformat.write(stored, lab.folder / "untrusted.ipynb")
    for name, trust in (("stored.ipynb", "trusted"), ("untrusted.ipynb", "not-trusted")):
        again = lab.open(browser, name)
        page = again.page
        expect(
            page.locator(f'#jp-main-statusbar [data-icon="ui-components:{trust}"]')
        ).to_be_visible()
        for number, text in enumerate(("live job board", "live worker panel", "task_logger(7)")):
            expect(again.cell(number).locator(".jp-OutputArea")).to_contain_text(text)
        expect(again.cell(2).get_by_role("cell", name="≡ enqueued")).to_be_visible()
        for broken in ("model not found", "Error displaying widget", "Loading widget"):
            expect(page.get_by_text(broken)).to_have_count(0)
        again.close()
