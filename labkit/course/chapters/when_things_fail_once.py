"""Chapter 09's second exercise: a job whose work is done once, however often it is delivered."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

from sqlalchemy import Engine, UniqueConstraint, event
from sqlmodel import Session, SQLModel, col, func, select

from labkit import hooks
from labkit.course.exercise import NotAttempted, Wrong
from labkit.database import create_tables, session, using
from labkit.errors import LabkitError
from labkit.models import Task


class _Killed(BaseException):
    """The worker is gone in mid-job: no `except Exception` of the learner's sees it."""


def check_pay(pay: Any, model: Any) -> None:
    """Deliver an order once, twice, two at a time, and to workers that die at a commit."""
    if not callable(pay):
        raise Wrong("`pay` is not a function any more: define it with `def`")
    with hooks.only():
        with bank(model):
            _pay_first(pay, model)
        with bank(model):
            _judge_again(pay, model)
        for commit in (1, 2):
            with bank(model):
                _judge_killed(pay, model, commit)
        with bank(model):
            _judge_rival(pay, model)
        with bank(None):
            _judge_error(pay)


@contextmanager
def bank(model: Any) -> Iterator[None]:
    """A database for one delivery or some, with labkit's tables and the learner's."""
    with tempfile.TemporaryDirectory() as folder, using(f"sqlite:///{folder}/bank.sqlite3") as db:
        try:
            if model is not None:
                create_tables()
                model.__table__.create(db)
            yield
        finally:
            db.dispose()


def booked(model: Any) -> tuple[int, int]:
    """How many payments and how many tasks there are."""
    with session() as db:
        payments = db.exec(select(func.count()).select_from(model)).one()
        return payments, db.exec(select(func.count(col(Task.id)))).one()


def _pay_first(pay: Callable[..., Any], model: type[SQLModel]) -> None:
    if pay("A-1", 500) is ... and booked(model) == (0, 0):
        raise NotAttempted
    missing = {"order", "cents"} - set(model.model_fields)
    if missing:
        raise Wrong(f"`Payment` has no field {' and no field '.join(sorted(missing))}")
    with session() as db:
        rows = [(row.order, row.cents) for row in db.exec(select(model))]  # type: ignore[attr-defined]
        titles = list(db.exec(select(Task.title)))
    if rows != [("A-1", 500)] or titles != ["Ship A-1"]:
        raise Wrong(
            f"after `pay('A-1', 500)` the payments are {rows} and the tasks are {titles}. Asked "
            "for was one payment of 500 for A-1, and one task `Ship A-1`"
        )
    pay("B-2", 500)
    if booked(model) != (2, 2):
        raise Wrong(
            "another order of the same amount was not paid. What makes two deliveries the same is "
            "their order, and nothing else"
        )


def _judge_again(pay: Callable[..., Any], model: Any) -> None:
    pay("A-1", 500)
    try:
        pay("A-1", 500)
    except Exception as error:
        raise Wrong(
            f"the second delivery fails with {type(error).__name__}, so it would be tried again "
            "and again. All is well, for the order is paid: the job should simply end"
        ) from None
    payments, tasks = booked(model)
    if payments > 1 and _is_unique(model):
        raise Wrong(
            f"the order was paid {payments} times, although a column is unique: each delivery "
            "brings another value for it. A key is made by the one who orders, and not in the job"
        )
    if payments > 1:
        raise Wrong(f"the same order was delivered twice, and paid {payments} times")
    if tasks > 1:
        raise Wrong(f"the order was paid once, and is to be shipped {tasks} times")
    with bank(model):
        pay("A-1", 500)
        if booked(model) != (1, 1):
            raise Wrong(
                "that an order is paid was remembered in this process, and not in the database. "
                "The next worker is another process, and knows nothing of it"
            )


def _is_unique(model: Any) -> bool:
    table = model.__table__
    return any(column.unique for column in table.columns) or any(
        isinstance(constraint, UniqueConstraint) for constraint in table.constraints
    )


def _judge_killed(pay: Callable[..., Any], model: Any, commit: int) -> None:
    """Kill the job right behind a commit; the order is delivered again, to another worker."""
    left = [commit]

    def die(_: Session) -> None:
        left[0] -= 1
        if left[0] == 0:
            raise _Killed

    event.listen(Session, "after_commit", die)
    try:
        with suppress(_Killed):
            pay("A-1", 500)
    finally:
        event.remove(Session, "after_commit", die)
    pay("A-1", 500)
    if booked(model) != (1, 1):
        payments, tasks = booked(model)
        raise Wrong(
            "the worker was killed in mid-job, between two commits, and the order was delivered "
            f"again. It is now paid {payments} times and shipped {tasks} times. What belongs "
            "together belongs into one transaction"
        )


def _judge_rival(pay: Callable[..., Any], model: Any) -> None:
    """Another worker, in a process of its own, books the order just before this one writes."""
    writes: list[tuple[str, Any]] = []
    with bank(model), _listening("before_cursor_execute", lambda *had: writes.append(had[2:4])):
        pay("A-1", 500)
    writes = [write for write in writes if _is_insert(write[0])]

    def overtake(_: Any, statement: Any, *__: Any) -> None:
        if not writes or not _is_insert(str(statement)):
            return
        with _engine().begin() as rival:
            while writes:
                rival.exec_driver_sql(*writes.pop(0))

    failed = ""
    try:
        with _listening("before_execute", overtake):  # and so before SQLite's lock is taken
            pay("A-1", 500)
    except Exception as error:
        failed = type(error).__name__
    if booked(model) != (1, 1):
        raise Wrong(
            "two workers had the same order at the same time, each in a process of its own. Both "
            "looked and found no payment, and both paid. Only the database can refuse the second: "
            "which column must be unique?"
        )
    if failed:
        raise Wrong(
            "two workers had the same order at the same time, and one of them failed with "
            f"{failed}. It should have ended like any other second delivery"
        )


@contextmanager
def _listening(name: str, listener: Callable[..., None]) -> Iterator[None]:
    engine = _engine()
    event.listen(engine, name, listener)
    try:
        yield
    finally:
        event.remove(engine, name, listener)


def _is_insert(statement: str) -> bool:
    return statement.lstrip().upper().startswith("INSERT")


def _engine() -> Engine:
    with session() as db:
        return db.get_bind().engine


def _judge_error(pay: Callable[..., Any]) -> None:
    try:
        pay("A-1", 500)
    except LabkitError:
        return
    raise Wrong(
        "the database was not there, and the job ended as if it had paid: no error got out, so "
        "nobody will try again. Which error means that it is paid already?"
    )
