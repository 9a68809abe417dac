"""The check of chapter 07: a test, tried on a model that works and on some that do not."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from labkit import hooks, modes
from labkit.actors import default_broker
from labkit.course.exercise import NotAttempted, Wrong
from labkit.course.failure import told
from labkit.database import address, prepare_test, session, using
from labkit.models import Task
from labkit.modes import Mode
from labkit.settings import Settings


@dataclass
class Run:
    """How a test went: what it returned, the error that it ended with, what it sent to Redis."""

    answer: Any = None
    error: Exception | None = None
    leaked: int = 0


#: What a broken hook sends, given another task's id and the right one, and what it means when the
#: test passes.
BROKEN: list[tuple[Callable[[int | None, int | None], list[object]], str]] = [
    (
        lambda other, own: [],
        "your test passes although the hook is deleted. Does it make a task, and leave the sending "
        "to the hook?",
    ),
    (
        lambda other, own: [own, own],
        "your test passes with a hook that sends two jobs for one task. How many should it find?",
    ),
    (
        lambda other, own: [other],
        "your test passes with a hook that sends another id than that of the task. Look at the "
        "job's `args`, or at the log's `task_id`",
    ),
]


def check_hook(test: Any) -> None:
    """Try the learner's test on the model as it should be, and then on broken ones."""
    if not callable(test):
        raise Wrong("`test_hook` is not a function any more: define it with `def`")
    if wanted := list(inspect.signature(test).parameters):
        raise Wrong(
            f"`test_hook` asks for {', '.join(wanted)}. Fixtures are pytest’s, and the check calls "
            "your test without any: make the task inside it"
        )
    prepare_test()
    # The rows that the test makes are none of development's.
    with using(address(Settings(env="test"))):
        other = _another()
        good = _try(test, lambda own: [own])
        if good.answer is ... and good.error is None:
            raise NotAttempted
        if good.leaked:
            raise Wrong(
                "your test chooses no mode, so the hook's job went to Redis. (Here it was stopped "
                "on its way.) In which mode are jobs kept in a list?"
            )
        if good.error is not None:
            raise Wrong(f"your test fails with the hook in place ({told(good.error)})")
        if good.answer is not None:
            raise Wrong(
                f"your test returns {good.answer!r}, and nobody looks at that: what must be true "
                "stands behind `assert`"
            )
        for sends, meaning in BROKEN:
            if _try(test, partial(sends, other)).error is None:
                raise Wrong(meaning)


def _another() -> int | None:
    """The id of a task that is there before the test, and that no hook has seen."""
    with hooks.only(), session() as db:
        task = Task(title="Somebody else’s")
        db.add(task)
    return task.id


def _try(test: Callable[[], Any], sends: Callable[[int | None], list[object]]) -> Run:
    """Run a test while new tasks send jobs with the ids that ``sends`` says, and no other hook."""
    run = Run()

    def hook(task: Task) -> None:
        task_logger = default_broker().get_actor("task_logger")
        for task_id in sends(task.id):
            # A mock in its place sends nothing, whatever the mode.
            if modes.current() is Mode.DISABLED and "send" not in vars(task_logger):
                run.leaked += 1
            else:
                task_logger.send(task_id)

    with hooks.only(("after_commit", Task, hook)):
        try:
            run.answer = test()
        except Exception as error:
            run.error = error
    return run


# What stands before the exercise in the notebook, and answers to try its check on.
SETUP = """\
from labkit import Ledger, Log, Task, session
from labkit.jobs import task_logger
from labkit.testing import assert_difference, fake, inline
from sqlmodel import select
"""

SOLUTION = """\
def test_hook():
    with fake():
        with session() as db:
            task = Task(title="Buy milk")
            db.add(task)
        assert [job.args for job in task_logger.jobs] == [(task.id,)]
"""

OTHERWISE = """\
def test_hook():
    def logged():
        with session() as db:
            return [log.task_id for log in db.exec(select(Log))]

    before = logged()
    with inline(), session() as db:
        task = Task(title="Buy milk")
        db.add(task)
    assert logged() == before + [task.id]
"""

SENDS_ITSELF = """\
def test_hook():
    with fake(), assert_difference(lambda: len(task_logger.jobs), 1):
        task_logger.send(1)
"""

ANY_JOB = """\
def test_hook():
    with fake():
        with session() as db:
            db.add(Task(title="Buy milk"))
        assert task_logger.jobs
"""

ONE_JOB = """\
def test_hook():
    with fake(), assert_difference(lambda: len(task_logger.jobs), 1):
        with session() as db:
            db.add(Task(title="Buy milk"))
"""

ONE_LOG = """\
def test_hook():
    def count():
        with session() as db:
            return len(db.exec(select(Log)).all())

    with inline(), assert_difference(count, 1):
        with session() as db:
            db.add(Task(title="Buy milk"))
"""

RETURNS = """\
def test_hook():
    with fake():
        with session() as db:
            task = Task(title="Buy milk")
            db.add(task)
        return [job.args for job in task_logger.jobs] == [(task.id,)]
"""

FIXTURE = """\
def test_hook(task):
    with fake():
        assert [job.args for job in task_logger.jobs] == [(task.id,)]
"""

NO_MODE = """\
def test_hook():
    with assert_difference(lambda: sum(Ledger().counts().values()), 1):
        with session() as db:
            db.add(Task(title="Buy milk"))
"""

ALWAYS_FAILS = """\
def test_hook():
    with fake(), session() as db:
        task = Task(title="Buy milk")
        db.add(task)
        assert [job.args for job in task_logger.jobs] == [(task.id,)]
"""
