"""The check of chapter 07: a test, tried on a model that works and on some that do not."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from labkit import hooks, modes
from labkit.actors import default_broker
from labkit.course.exercise import NotAttempted, Wrong
from labkit.database import address, prepare_test, using
from labkit.models import Task
from labkit.modes import Mode
from labkit.settings import Settings


@dataclass
class Run:
    """How a test went: what it returned, the error that it ended with, what it sent to Redis."""

    answer: Any = None
    error: Exception | None = None
    leaked: int = 0


#: What is wrong with the model, and what it means when the test passes all the same.
BROKEN: list[tuple[Callable[[Task], list[object]], str]] = [
    (
        lambda task: [],
        "your test passes although the hook is deleted. Does it make a task, and leave the sending "
        "to the hook?",
    ),
    (
        lambda task: [task.id, task.id],
        "your test passes with a hook that sends two jobs for one task. How many should it find?",
    ),
    (
        lambda task: [(task.id or 0) + 1],
        "your test passes with a hook that sends another id than that of the task. Look at the "
        "job's `args`",
    ),
]


def check_hook(test: Any) -> None:
    """Try the learner's test on the model as it should be, and then on broken ones."""
    if not callable(test):
        raise Wrong("`test_hook` is not a function any more: define it with `def`")
    prepare_test()
    # The rows that the test makes are none of development's.
    with using(address(Settings(env="test"))):
        good = _try(test, lambda task: [task.id])
        if good.answer is ... and good.error is None:
            raise NotAttempted
        if good.leaked:
            raise Wrong(
                "your test chooses no mode, so the hook's job went to Redis. (Here it was stopped "
                "on its way.) In which mode are jobs kept in a list?"
            )
        if good.error is not None:
            told = f"{type(good.error).__name__}: {good.error}".rstrip(": ")
            raise Wrong(f"your test fails with the hook in place ({told})")
        for sends, meaning in BROKEN:
            if _try(test, sends).error is None:
                raise Wrong(meaning)


def _try(test: Callable[[], Any], sends: Callable[[Task], list[object]]) -> Run:
    """Run a test while new tasks send jobs with the ids that ``sends`` says, and no other hook."""
    run = Run()

    def hook(task: Task) -> None:
        for task_id in sends(task):
            if modes.current() is Mode.DISABLED:
                run.leaked += 1
            else:
                default_broker().get_actor("task_logger").send(task_id)

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
