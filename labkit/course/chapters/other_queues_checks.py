"""Chapter 10's checks: what RQ keeps, what a transaction leaves, whom a lock keeps out."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import event, text, update
from sqlalchemy.exc import OperationalError
from sqlmodel import Session, col, select

from labkit.course.chapters.other_queues_place import apart, chapters_database, rows
from labkit.course.exercise import NotAttempted, Wrong
from labkit.database import engine, session, using
from labkit.models import Task

MINUTE = 60.0
#: Seconds by which "in a minute" may be off: RQ cuts it to whole seconds.
SLACK = 2.0
PATH = "labkit.jobs.task_logger"
TITLE = "Pay Anna back"


class _Dead(BaseException):
    """The process is gone: no `except Exception` of the learner's sees it."""


def check_later(later: Any) -> None:
    """Look the job up in the registry of what RQ keeps for later."""
    from rq.job import Job
    from rq.registry import ScheduledJobRegistry

    if not isinstance(later, Job):
        kind = type(later).__name__
        hint = (
            "a function that is called runs here and now"
            if later is None
            else "another queue has it"
        )
        raise Wrong(f"`later` is a {kind}, and no job of RQ’s: {hint}")
    registry: Any = ScheduledJobRegistry(later.origin, connection=later.connection)  # type: ignore[no-untyped-call]
    if later.id not in registry.get_job_ids(cleanup=False):
        raise Wrong("it waits in the queue itself, so a worker that is there runs it at once")
    due = registry.get_scheduled_time(later) - later.created_at.replace(tzinfo=UTC)
    if abs(due.total_seconds() - MINUTE) > SLACK:
        raise Wrong(f"it is to run in {due.total_seconds():.0f} s, and not in a minute")
    if later.func_name != PATH:
        raise Wrong(f"it calls `{later.func_name}`, and not the function of `task_logger`")
    if tuple(later.args) != (7,) or later.kwargs:
        raise Wrong(f"its arguments are {later.args} and {later.kwargs}: asked for was task 7")


def check_promise(promise: Any) -> None:
    """Let it commit, refuse its commit, and let the process die right behind the commit."""
    if not callable(promise):
        raise Wrong("`promise` is not a function any more: define it with `def`")
    elsewhere = _last_job()
    try:
        with apart():
            _judge_promise(promise, elsewhere)
    finally:
        with session() as db:
            db.execute(text("DELETE FROM procrastinate_jobs WHERE id > :id"), {"id": elsewhere})


def _judge_promise(promise: Callable[[str], Any], elsewhere: int) -> None:
    """In a database of the check's own: what is not written in its transaction is not there."""
    seen = list[bool]()
    with _at("before_commit", lambda: seen.append(_sent(elsewhere))):
        answer = promise(TITLE)
    tasks, jobs = _tasks(), _jobs()
    if answer is ... and not tasks:
        raise NotAttempted
    if any(seen):
        raise Wrong(
            "before the task was committed, a job for it was there for every worker to see. It was "
            "written on another connection: which one does `configure` get?"
        )
    if _sent(elsewhere):
        raise Wrong(
            "the jobs were sent behind the block. When the process dies right after the commit, "
            "the task is saved, and nobody will ever send its jobs"
        )
    if len(tasks) != 1:
        raise Wrong(f"{len(tasks)} tasks were saved, and one was asked for")
    _judge_jobs(tasks[0], jobs)
    for moment in ("before_commit", "after_commit"):
        _judge_death(promise, moment)


def _judge_death(promise: Callable[[str], Any], moment: str) -> None:
    with apart():
        with _at(moment, _die), suppress(_Dead):
            promise(TITLE)
        left = len(_tasks()), len(_jobs())
    if left not in ((0, 0), (1, 2)):
        raise Wrong(
            f"the process died at a commit, and left {left[0]} task and {left[1]} jobs. Asked for "
            "was one transaction for all three"
        )


def _sent(elsewhere: int) -> bool:
    """Whether a job was sent to the queue of the chapter, on a connection of the queue's own."""
    with using(chapters_database()):
        return _last_job() > elsewhere


def _last_job() -> int:
    [(last,)] = rows("SELECT coalesce(max(id), 0) FROM procrastinate_jobs")
    return int(str(last))


def _judge_jobs(task: int, jobs: list[tuple[Any, Any]]) -> None:
    if any(args != {"task_id": task} for args, _ in jobs):
        given = ", ".join(str(args) for args, _ in jobs)
        raise Wrong(f"the task is {task}, and the jobs are for {given}: an id comes with `flush`")
    if len(jobs) != 2:
        raise Wrong(f"there are {len(jobs)} jobs for the task, and two were asked for")
    times = [when for _, when in jobs if when is not None]
    if len(times) == 2:
        raise Wrong("both jobs are for later, and one was to run now")
    if not times:
        raise Wrong("both jobs are to run now, and one was to wait for a day")
    wait = times[0] - datetime.now(UTC)
    if abs(wait - timedelta(days=1)) > timedelta(minutes=1):
        raise Wrong(f"the second job is to run in {wait.total_seconds():,.0f} s, not in a day")


def _jobs() -> list[tuple[Any, Any]]:
    query = "SELECT args, scheduled_at FROM procrastinate_jobs ORDER BY id"
    return [(args, when) for args, when in rows(query)]


def _tasks() -> list[int]:
    with session() as db:
        query = select(Task.id).where(Task.title == TITLE).order_by(col(Task.id))
        return [number for number in db.exec(query) if number is not None]


@contextmanager
def _at(moment: str, act: Callable[[], object]) -> Iterator[None]:
    """Do something whenever a session commits."""

    acting = [False]

    def call(_: Session) -> None:
        if acting[0]:  # what the check itself commits does not count
            return
        acting[0] = True
        try:
            act()
        finally:
            acting[0] = False

    event.listen(Session, moment, call)
    try:
        yield
    finally:
        event.remove(Session, moment, call)


def _die() -> None:
    raise _Dead


def check_take(take: Any, model: Any) -> None:
    """Let several workers take at once, and one of them die with an errand in hand."""
    if not callable(take):
        raise Wrong("`take` is not a function any more: define it with `def`")
    with apart() as there:
        model.__table__.drop(there, checkfirst=True)
        model.__table__.create(there)
        with session() as db:
            for number in (1, 2, 3):
                db.add(model(task_id=number * 10))
                db.flush()
            # Whoever does not ask for an order is given the rows as they lie.
            db.execute(update(model).where(model.id == 1).values(task_id=0))
        _judge_take(take)


def _judge_take(take: Callable[[Session], Any]) -> None:
    with _worker() as first, _worker() as second:
        one = take(first)
        if one is ...:
            raise NotAttempted
        if getattr(one, "id", None) != 1:
            raise Wrong(f"the oldest errand is number 1, and the first worker got {one!r}")
        try:
            two = take(second)
        except OperationalError:
            raise Wrong(
                "the second worker waits until the first has done its errand: its lock is in the "
                "way, and there are other errands. What may a SELECT do with rows that are locked?"
            ) from None
        if two is None:
            raise Wrong(
                "the second worker gets nothing, and two errands are free: the first has locked "
                "more than it took"
            )
        if getattr(two, "id", None) == 1:
            raise Wrong(
                "two workers have the same errand in hand: each looked, and nothing kept them apart"
            )
        if getattr(two, "id", None) != 2:
            raise Wrong(f"the next errand is number 2, and the second worker got {two!r}")
        first.rollback()  # it has died
        with _worker() as third:
            again = take(third)
            if getattr(again, "id", None) != 1:
                raise Wrong(
                    "the first worker died with its errand in hand, and the next one does not get "
                    "it: it stays taken for ever. Who is to take the mark away?"
                )
            third.delete(again)
            third.commit()
    with _worker() as last:
        for _ in range(2):
            if (left := take(last)) is None:
                raise Wrong("an errand whose worker had died is not given to anybody")
            last.delete(left)
            last.flush()
        if (none := take(last)) is not None:
            raise Wrong(f"there is no errand left, and `take` says {none!r}")


@contextmanager
def _worker() -> Iterator[Session]:
    """A session of its own connection, which does not wait long for anybody's lock."""
    with Session(engine(), expire_on_commit=False) as db:
        db.execute(text("SET lock_timeout = 300"))
        try:
            yield db
        finally:
            db.rollback()
            db.execute(text("RESET lock_timeout"))
            db.commit()
