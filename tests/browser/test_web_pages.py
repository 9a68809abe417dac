"""The task page in a real browser: directly, and through Jupyter's proxy as on Binder."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from sqlmodel import select

from labkit.database import session
from labkit.ledger.reader import Ledger
from labkit.models import Log, Task
from labkit.web import WebServer
from tests.support import wait_until

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

    from labkit.settings import Settings
    from tests.browser.lab import Lab

pytestmark = pytest.mark.browser


def create_a_task(page: Page, title: str) -> None:
    """Type it, see it in the list, and see its log line come without loading the page again."""
    page.get_by_label("Title").fill(title)
    page.get_by_role("button", name="Create task").click()
    row = page.locator("#rows > li").filter(has_text=title)
    row.wait_for()
    assert [job.actor for job in Ledger().jobs("enqueued")] == ["task_logger"]
    with session() as db:
        task = db.exec(select(Task)).one()
        assert task.title == title
        db.add(Log(task_id=task.id, message="A job was here"))
    row.get_by_text("A job was here").wait_for()


@pytest.mark.usefixtures("tables")
def test_creating_a_task_in_the_browser(browser: Browser, settings: Settings) -> None:
    faults: list[str] = []
    with WebServer.start() as server:
        page = browser.new_page()
        page.on("console", lambda line: faults.append(line.text) if line.type == "error" else None)
        page.on("dialog", lambda dialog: faults.append(dialog.message))
        page.goto(server.url)
        create_a_task(page, "<script>alert('Buy milk')</script>")
        page.close()
    assert faults == []


@pytest.mark.usefixtures("tables")
def test_creating_a_task_through_jupyters_proxy(
    browser: Browser, settings: Settings, lab: Lab
) -> None:
    with WebServer.start() as server:
        page = browser.new_page()
        page.goto(f"{lab.url}/proxy/{server.port}/?token={lab.token}")
        create_a_task(page, "Buy milk")
        assert page.url.startswith(f"{lab.url}/proxy/{server.port}/")
        page.close()
        wait_until(lambda: "POST /tasks 303" in server.log())


@pytest.mark.usefixtures("tables")
def test_another_site_cannot_create_a_task(browser: Browser, settings: Settings) -> None:
    with WebServer.start() as server:
        page = browser.new_page()
        page.goto("about:blank")
        page.set_content(
            f'<form method="post" action="{server.url}tasks"><input name="title" value="x">'
            "<button>Win a prize</button></form>"
        )
        page.get_by_role("button").click()
        page.get_by_role("alert").get_by_text("only to itself").wait_for()
        page.close()
    with session() as db:
        assert db.exec(select(Task)).all() == []
