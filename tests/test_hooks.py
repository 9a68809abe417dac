"""after_create and after_commit: when they call, when they do not, and what their errors do."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress

import pytest
from sqlalchemy import event
from sqlalchemy.orm import Session as AnySession
from sqlmodel import Session, func, select

from labkit import hooks
from labkit.database import engine, session
from labkit.models import Log, Task, after_commit, after_create
from tests.support import BOTH

pytestmark = [BOTH, pytest.mark.usefixtures("tables")]


@pytest.fixture(autouse=True)
def no_hooks_left() -> Iterator[None]:
    before = dict(hooks._hooks)
    for hook in before.values():
        hook.remove()
    yield
    for hook in tuple(hooks._hooks.values()):
        hook.remove()
    for hook in before.values():
        hooks.Hook(hook.when, hook.model, hook.callback)


def tasks_seen_by_others() -> int:
    with session() as db:
        return db.exec(select(func.count()).select_from(Task)).one()


class TestAfterCommit:
    def test_is_called_once_for_each_new_row_when_others_can_see_it(self) -> None:
        seen: list[tuple[int | None, int]] = []

        def look(task: Task) -> None:
            seen.append((task.id, tasks_seen_by_others()))

        after_commit(Task, look)
        with session() as db:
            db.add_all([Task(title="a"), Task(title="b")])
            db.flush()
            assert seen == []
        assert seen == [(1, 2), (2, 2)]

    def test_is_not_called_on_rollback(self) -> None:
        seen: list[Task] = []
        after_commit(Task, seen.append)
        with suppress(RuntimeError), session() as db:
            db.add(Task(title="a"))
            db.flush()
            raise RuntimeError
        with session() as db:
            db.add(Task(title="b"))
        assert [task.title for task in seen] == ["b"]

    def test_is_called_for_what_savepoints_keep_and_only_at_the_end(self) -> None:
        seen: list[Task] = []
        after_commit(Task, seen.append)
        with session() as db:
            with db.begin_nested():
                db.add(Task(title="kept"))
            assert seen == []
            with suppress(RuntimeError), db.begin_nested():
                db.add(Task(title="undone"))
                with db.begin_nested():
                    db.add(Task(title="undone with it"))
                raise RuntimeError
            db.add(Task(title="plain"))
        assert [task.title for task in seen] == ["kept", "plain"]

    def test_is_not_called_for_an_update_nor_for_a_row_deleted_at_once(self) -> None:
        with session() as db:
            task = Task(title="old")
            db.add(task)
        seen: list[Task] = []
        after_commit(Task, seen.append)
        with session() as db:
            db.get_one(Task, task.id).title = "changed"
            short_lived = Task(title="gone before the commit")
            db.add(short_lived)
            db.flush()
            db.delete(short_lived)
        assert seen == []

    def test_is_called_for_its_model_only(self) -> None:
        seen: list[object] = []
        after_commit(Log, seen.append)
        with session() as db:
            db.add(Task(title="a"))
            db.flush()
            log = Log(task_id=1, message="about it")
            db.add(log)
        assert seen == [log]

    def test_an_error_reaches_the_committer_after_the_other_callbacks_and_the_row_is_saved(
        self,
    ) -> None:
        seen: list[Task] = []

        def fail(task: Task) -> None:
            raise ConnectionError("Redis is down")

        def fail_as_well(task: Task) -> None:
            raise ValueError("me too")

        after_commit(Task, fail)
        after_commit(Task, fail_as_well)
        after_commit(Task, seen.append)
        with pytest.raises(ConnectionError) as caught, session() as db:
            db.add(Task(title="a"))
        assert [task.title for task in seen] == ["a"]
        assert "me too" in caught.value.__notes__[0]
        assert tasks_seen_by_others() == 1

    def test_the_session_goes_on_after_a_callback_failed(self) -> None:
        def fail(task: Task) -> None:
            raise ConnectionError

        hook = after_commit(Task, fail)
        with Session(engine()) as db:
            db.add(Task(title="a"))
            with pytest.raises(ConnectionError):
                db.commit()
            hook.remove()
            db.add(Task(title="b"))
            db.commit()
        assert tasks_seen_by_others() == 2

    def test_a_callback_may_write_in_a_session_of_its_own_and_in_this_one(self) -> None:
        def log_it(task: Task) -> None:
            with session() as db:
                db.add(Log(task_id=task.id or 0, message="from its own"))
            mine = Session.object_session(task)
            assert mine is not None
            mine.add(Log(task_id=task.id or 0, message="from the same"))
            mine.commit()

        after_commit(Task, log_it)
        with session() as db:
            db.add(Task(title="a"))
        with session() as db:
            assert len(db.exec(select(Log)).all()) == 2

    def test_works_where_rows_expire_at_the_commit(self) -> None:
        seen: list[str] = []

        def note(task: Task) -> None:
            seen.append(task.title)

        after_commit(Task, note)
        with Session(engine()) as db:
            db.add(Task(title="a"))
            db.commit()
        assert seen == ["a"]


class TestAfterCreate:
    def test_is_called_inside_the_transaction_with_the_id(self) -> None:
        seen: list[tuple[int | None, int]] = []

        def look(task: Task) -> None:
            seen.append((task.id, tasks_seen_by_others()))

        after_create(Task, look)
        with suppress(RuntimeError), session() as db:
            db.add(Task(title="a"))
            db.flush()
            assert seen == [(1, 0)]
            raise RuntimeError
        assert seen == [(1, 0)]  # the rollback came too late for it

    def test_an_error_saves_nothing(self) -> None:
        def fail(task: Task) -> None:
            raise ConnectionError

        after_create(Task, fail)
        with pytest.raises(ConnectionError), session() as db:
            db.add(Task(title="a"))
        assert tasks_seen_by_others() == 0


class TestRegistering:
    def test_a_cell_that_runs_again_replaces_its_callback(self) -> None:
        called: list[int] = []
        cell = "def note(task): called.append(run)\nafter_commit(Task, note)"
        for run in (1, 2):
            exec(  # noqa: S102
                compile(cell, f"<cell {run}>", "exec"),
                {
                    "called": called,
                    "run": run,
                    "Task": Task,
                    "after_commit": after_commit,
                    "__name__": "__main__",
                },
            )
        with session() as db:
            db.add(Task(title="a"))
        assert called == [2]

    def test_lambdas_on_two_lines_and_methods_of_two_objects_are_different(self) -> None:
        one: list[object] = []
        two: list[object] = []
        after_commit(Task, one.append)
        after_commit(Task, two.append)
        after_commit(Task, lambda task: one.append(1))
        after_commit(Task, lambda task: two.append(2))
        with session() as db:
            db.add(Task(title="a"))
        assert (len(one), len(two)) == (2, 2)

    def test_a_removed_hook_is_not_called_and_removing_may_be_repeated(self) -> None:
        seen: list[Task] = []
        hook = after_commit(Task, seen.append)
        assert repr(hook) == "after_commit(Task, list.append)"
        hook.remove()
        hook.remove()
        with session() as db:
            db.add(Task(title="a"))
        assert seen == []

    def test_removing_a_replaced_hook_leaves_its_successor(self) -> None:
        seen: list[Task] = []
        older = after_commit(Task, seen.append)
        after_commit(Task, seen.append)
        older.remove()
        with session() as db:
            db.add(Task(title="a"))
        assert len(seen) == 1

    def test_for_a_block_only_those_named_are_in_force(self) -> None:
        outside: list[Task] = []
        inside: list[Task] = []
        after_commit(Task, outside.append)
        with hooks.only(("after_create", Task, inside.append)):
            with session() as db:
                db.add(Task(title="a"))
            assert (len(outside), len(inside)) == (0, 1)
        with session() as db:
            db.add(Task(title="b"))
        assert (len(outside), len(inside)) == (1, 1)

    def test_what_a_module_registered_goes_when_it_is_forgotten(self) -> None:
        seen: list[Task] = []

        def mine(task: Task) -> None:
            raise AssertionError("forgotten, and called")

        after_create(Task, mine)
        after_commit(Task, mine)
        after_commit(Task, seen.append)
        hooks.forget(mine.__module__)
        with session() as db:
            db.add(Task(title="a"))
        assert len(seen) == 1

    def test_no_listener_is_left_where_no_hook_is(self) -> None:
        hook = after_commit(Task, print)
        assert event.contains(AnySession, "after_flush", hooks._note_inserted)
        hook.remove()
        assert not event.contains(AnySession, "after_flush", hooks._note_inserted)
