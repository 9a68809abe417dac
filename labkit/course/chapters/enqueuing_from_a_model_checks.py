"""The checks of chapter 06: what a hook sends, and what comes out at the other end of JSON."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Any

from dramatiq import Message
from sqlalchemy import delete
from sqlmodel import col

from labkit import modes
from labkit.course.exercise import NotAttempted, Wrong
from labkit.database import session
from labkit.errors import ArgumentNotJSON
from labkit.models import Log, Task
from labkit.testing import fake

DUE = date(2030, 1, 31)
PRICE = Decimal("19.90")
LABELS = {"home", "shopping"}


def check_urgent(log_urgent: Any) -> None:
    """What the learner's hook sends for an urgent task, and for one that is not."""
    if not callable(log_urgent):
        raise Wrong("`log_urgent` is not a function any more: define it with `def`")
    urgent, other = Task(title="! Call the dentist"), Task(title="Water the plants!")
    # Hooks that are in force already send their jobs into a list, which ends with the block.
    with fake(), session() as db:
        db.add(urgent)
        db.add(other)
    try:
        answer, sent = _watch(log_urgent, urgent)
        _, needless = _watch(log_urgent, other)
    finally:
        _remove(urgent, other)
    if answer is ... and not sent and not needless:
        raise NotAttempted
    if needless:
        raise Wrong(
            f"a job was sent for {other.title!r}, which is not urgent: the `!` must be the first "
            "letter"
        )
    if not sent:
        raise Wrong(
            f"no job was sent for {urgent.title!r}, which begins with `!`. `task_logger(…)` calls "
            "the function, here and now, and `.message(…)` only makes a message; which method "
            "sends it?"
        )
    if len(sent) > 1:
        raise Wrong(f"{len(sent)} jobs were sent for one task")
    if sent[0].actor_name != "task_logger":
        raise Wrong(f"the job that was sent is {sent[0].actor_name!r}, and not `task_logger`")
    given = (*sent[0].args, *sent[0].kwargs.values())
    if given == (urgent.title,):
        raise Wrong(
            f"the job is given the title, and needs the task's id, which is {urgent.id}: the id "
            "finds the task as it will be then"
        )
    if given != (urgent.id,):
        raise Wrong(
            f"the job is given {', '.join(map(repr, given)) or 'nothing'}; it needs the task's id, "
            f"which is the number {urgent.id}, and nothing else"
        )


def _watch(hook: Callable[[Task], Any], task: Task) -> tuple[Any, list[Message[Any]]]:
    """What the hook returns for a task, and the jobs that it sends; none of them reaches Redis."""
    with fake():
        try:
            answer = hook(task)
        except ArgumentNotJSON as error:
            raise Wrong(f"what you send is refused: {error}") from None
        return answer, list(modes.fake_jobs())


def _remove(*tasks: Task) -> None:
    with session() as db:
        ids = [task.id for task in tasks]
        db.execute(delete(Log).where(col(Log.task_id).in_(ids)))
        db.execute(delete(Task).where(col(Task.id).in_(ids)))


def check_carry(arguments: Any) -> None:
    """The learner's arguments, through JSON, against what they were made of."""
    if not isinstance(arguments, list | tuple) or len(arguments) != 3:
        raise Wrong("`arguments` is to be a list of three values: date, price and labels")
    try:
        when, price, labels = json.loads(json.dumps(arguments))
    except TypeError as error:
        raise Wrong(f"JSON cannot hold it: {error}") from None
    _compare_date(when)
    _compare_price(price)
    _compare_labels(labels)


def _compare_date(when: Any) -> None:
    try:
        came = date.fromisoformat(when)
    except (ValueError, TypeError):
        raise Wrong(
            f"`date.fromisoformat({when!r})` does not understand it. ISO has the year first, then "
            "month and day"
        ) from None
    if came != DUE:
        raise Wrong(f"the date comes out as {came}, and it was {DUE}")


def _compare_price(price: Any) -> None:
    try:
        came = Decimal(price)
    except (InvalidOperation, TypeError, ValueError):
        raise Wrong(f"`Decimal({price!r})` makes no number of it") from None
    if came != PRICE:
        why = ". A number with a point is the nearest binary fraction"
        raise Wrong(
            f"the price comes out as {came}, and it was {PRICE}{why * isinstance(price, float)}"
        )


def _compare_labels(labels: Any) -> None:
    try:
        came = set(labels)
    except TypeError:
        raise Wrong(f"`set({labels!r})` makes no set of it") from None
    if came != LABELS and isinstance(labels, str):
        raise Wrong(f"`set({labels!r})` is a set of letters, because that is one text")
    if came != LABELS:
        raise Wrong(f"the labels come out as {came}, and they were {LABELS}")


CARRY_SETUP = """\
from datetime import date
from decimal import Decimal

due, price, labels = date(2030, 1, 31), Decimal("19.90"), {"home", "shopping"}
"""

# Answers to try the first check on: right ones, and mistakes.
URGENT_SOLUTION = """\
def log_urgent(task):
    if task.title.startswith("!"):
        task_logger.send(task.id)
"""

URGENT_OTHERWISE = """\
def log_urgent(task):
    if task.title[:1] == "!":
        return task_logger.send(task_id=task.id)
"""

SENDS_THE_TASK = """\
def log_urgent(task):
    if task.title.startswith("!"):
        task_logger.send(task)
"""

SENDS_THE_TITLE = """\
def log_urgent(task):
    if task.title.startswith("!"):
        task_logger.send(task.title)
"""

SENDS_TEXT = """\
def log_urgent(task):
    if task.title.startswith("!"):
        task_logger.send(str(task.id))
"""

CALLS = """\
def log_urgent(task):
    if task.title.startswith("!"):
        task_logger(task.id)
"""
