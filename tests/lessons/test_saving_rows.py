"""How tasks and logs are saved: in a session, valid or not at all, and with a hook behind them."""

from __future__ import annotations

from contextlib import suppress

import pytest
from sqlmodel import select

from labkit import Log, Task, session
from labkit.errors import InvalidRow
from labkit.models import after_commit, after_create

pytestmark = pytest.mark.usefixtures("tables")


def test_a_session_saves_at_the_end_of_its_block() -> None:
    with session() as db:
        task = Task(title="Buy milk")
        db.add(task)

    # The id came from the database, and the task can still be read.
    assert task.id == 1
    with session() as db:
        assert db.get_one(Task, 1).title == "Buy milk"


def test_a_block_that_raises_saves_nothing() -> None:
    with suppress(ZeroDivisionError), session() as db:
        db.add(Task(title="Buy milk"))
        1 / 0  # noqa: B018

    with session() as db:
        assert db.exec(select(Task)).all() == []


def test_a_log_needs_a_message_and_a_task() -> None:
    with pytest.raises(InvalidRow, match="message"):
        Log(task_id=1, message="")
    with pytest.raises(InvalidRow, match="task_id is missing"):
        Log(message="A task was created")


def test_only_the_database_knows_whether_the_task_exists() -> None:
    log = Log(task_id=99, message="About a task that is not there")
    with pytest.raises(InvalidRow, match="FOREIGN KEY"), session() as db:
        db.add(log)


def test_attributes_are_what_a_job_prints() -> None:
    task = Task(title="Buy milk")
    assert list(task.attributes) == ["id", "title", "created_at"]


def test_a_hook_runs_when_others_can_see_the_row() -> None:
    seen_from_outside = []

    def look(task: Task) -> None:
        with session() as other:
            seen_from_outside.append(other.get(Task, task.id) is not None)

    too_early, in_time = after_create(Task, look), after_commit(Task, look)
    with session() as db:
        db.add(Task(title="Buy milk"))
    too_early.remove()
    in_time.remove()

    # The first call came before the commit: a worker that is as quick finds no task.
    assert seen_from_outside == [False, True]


def test_a_rollback_calls_no_hook_behind_it() -> None:
    saved: list[Task] = []
    hook = after_commit(Task, saved.append)
    with suppress(ZeroDivisionError), session() as db:
        db.add(Task(title="Buy milk"))
        db.flush()
        1 / 0  # noqa: B018
    hook.remove()
    assert saved == []
