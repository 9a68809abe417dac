"""The class board in a real browser: rows come and follow by themselves; axe finds nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from dramatiq import Message
from playwright.sync_api import expect

from labkit.broker import LabBroker
from tests.browser.axe import complaints

if TYPE_CHECKING:
    from playwright.sync_api import Browser

    from tests.browser.lab import Lab

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]

CELL = "from labkit.widgets import ClassBoard\nClassBoard()"


def send(url: str, namespace: str, count: int) -> None:
    broker = LabBroker(url=url, namespace=namespace)
    broker.enqueue_many([Message("default", "nothing", (), {}, {}) for _ in range(count)])
    broker.client.close()


def test_rows_come_and_follow_by_themselves(lab: Lab, browser: Browser, redis_url: str) -> None:
    for number in range(12):
        send(redis_url, f"learner{number:02}", number)
    send(redis_url, "<img src=x onerror=alert(1)>", 1)
    lab.write("class.ipynb", CELL)
    notebook = lab.open(browser, "class.ipynb", size=(1200, 800))
    notebook.run_cell(0)
    board = notebook.page.locator(".lk-class")
    rows = board.locator("tbody tr")
    expect(rows).to_have_count(12)
    expect(rows.first.locator("th")).to_have_text("<img src=x onerror=alert(1)>")
    expect(board.locator(".lk-now")).to_contain_text("12 learners, 0 workers: 67 jobs wait")
    row = rows.filter(has_text="learner05")
    expect(row.locator("td").nth(1)).to_have_text("5")
    send(redis_url, "learner05", 100)
    send(redis_url, "newcomer", 1)
    expect(row.locator("td").nth(1)).to_have_text("105")
    expect(rows).to_have_count(13)
    assert complaints(notebook.page, ".lk-class") == []
    notebook.close()
