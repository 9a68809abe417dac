"""The form for new tasks: a real row, a real job, and a word for what is wrong."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from sqlmodel import select

from labkit.database import create_tables, session
from labkit.models import Task, after_commit, after_create
from labkit.widgets import TaskForm
from tests.support_widgets import FakePage

if TYPE_CHECKING:
    from collections.abc import Callable

    from labkit.hooks import Hook
    from labkit.settings import Settings


def titles() -> list[str]:
    with session() as db:
        return [task.title for task in db.exec(select(Task))]


def test_a_task_is_created(settings: Settings) -> None:
    create_tables()
    form = TaskForm()
    page = FakePage(form)
    page.ask(kind="create", title="Buy milk")
    assert titles() == ["Buy milk"]
    assert page.view["message"] == "Task 1 created"
    assert page.view["created"] is True
    assert form.create("From Python").id == 2
    form.close()


@pytest.mark.parametrize("title", ["", "  ", "x" * 10_000])
def test_a_title_that_cannot_be_is_refused_in_words(settings: Settings, title: str) -> None:
    create_tables()
    form = TaskForm()
    page = FakePage(form)
    page.ask(kind="create", title=title)
    assert page.view["created"] is False
    assert "title" in page.view["message"]
    assert titles() == []
    page.ask(kind="create", title="Another")
    assert page.view["created"] is True
    form.close()


def test_without_tables_it_says_what_to_do(settings: Settings) -> None:
    form = TaskForm()
    page = FakePage(form)
    page.ask(kind="create", title="Too early")
    assert page.view["created"] is False
    assert "create_tables" in page.view["message"] or "labkit db" in page.view["message"]
    form.close()


def test_what_is_bound_to_a_task_happens(settings: Settings) -> None:
    create_tables()
    seen: list[str] = []
    hook = after_commit(Task, lambda task: seen.append(task.title))
    form = TaskForm()
    FakePage(form).ask(kind="create", title="Call Ada")
    assert seen == ["Call Ada"]
    hook.remove()
    form.close()


@pytest.mark.parametrize("hook", [after_commit, after_create])
def test_a_hook_that_fails_is_told_and_so_is_what_became_of_the_row(
    settings: Settings, hook: Callable[..., Hook]
) -> None:
    def fail(task: Task) -> None:
        raise NameError("name 'task_loger' is not defined")

    create_tables()
    registered = hook(Task, fail)
    form = TaskForm()
    page = FakePage(form)
    page.ask(kind="create", title="Call Ada")
    registered.remove()
    assert page.view["created"] is False
    assert "task_loger" in page.view["message"]
    is_saved = hook is after_commit
    assert ("is saved" in page.view["message"]) == is_saved
    assert titles() == ["Call Ada"] * is_saved
    form.close()


def test_a_message_without_a_title_creates_nothing(settings: Settings) -> None:
    create_tables()
    form = TaskForm()
    page = FakePage(form)
    for message in ({"kind": "create"}, {"kind": "create", "title": 7}, {"kind": "drop"}):
        page.ask(**message)
    assert titles() == []
    assert "message" not in page.view
    form.close()
