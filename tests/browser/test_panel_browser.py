"""The worker panel, the form and the timeline together, as a chapter shows them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

if TYPE_CHECKING:
    from playwright.sync_api import Browser

    from tests.browser.lab import Lab

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]

SET_UP = """
from ipywidgets import VBox
from labkit.database import create_tables
from labkit.jobs import task_logger
from labkit.widgets import JobBoard, TaskForm, Timeline, WorkerPanel
create_tables()
"""


def test_a_task_from_the_form_to_the_workers_window(
    lab: Lab, browser: Browser, redis_url: str
) -> None:
    together = "VBox([TaskForm(), WorkerPanel(threads=1), JobBoard(limit=3), Timeline(limit=3)])"
    lab.write("together.ipynb", SET_UP, together)
    opened = lab.open(browser, "together.ipynb", theme="dark", size=(1200, 1400))
    opened.run_all()
    page = opened.page
    form, panel = page.locator(".lk-task"), page.locator(".lk-worker")
    board, timeline = page.locator(".lk-board"), page.locator(".lk-timeline")

    form.get_by_label("Title").fill(" ", timeout=30_000)
    page.keyboard.press("Enter")
    expect(form.get_by_role("status")).to_contain_text("must not be empty")

    form.get_by_label("Title").fill("Buy milk")
    page.keyboard.press("Enter")
    expect(form.get_by_role("status")).to_contain_text("created")
    expect(form.get_by_label("Title")).to_have_value("")
    expect(board.get_by_role("row").filter(has_text="task_logger(")).to_contain_text("enqueued")
    expect(board.locator(".lk-hint")).to_contain_text("no worker runs")

    panel.get_by_role("button", name="Start").click()
    expect(panel.get_by_role("button", name="Starting…")).to_be_disabled()
    expect(panel.locator(".lk-bar")).to_contain_text("running", timeout=30_000)
    expect(panel.get_by_role("log")).to_contain_text("Buy milk")
    expect(board.get_by_role("row").filter(has_text="task_logger(")).to_contain_text("completed")
    expect(timeline.locator(".lk-track .lk-ran")).to_have_count(1)

    panel.get_by_role("button", name="Kill").click()
    expect(panel.get_by_role("alertdialog")).to_contain_text("cut off")
    page.keyboard.press("Escape")
    expect(panel.get_by_role("alertdialog")).to_be_hidden()
    expect(panel.locator(".lk-bar")).to_contain_text("running")
    panel.get_by_role("button", name="Kill").click()
    panel.get_by_role("button", name="Yes").click()
    expect(panel.locator(".lk-bar")).to_contain_text("ended")
    expect(panel.get_by_role("button", name="Start")).to_be_enabled()
    opened.close()
