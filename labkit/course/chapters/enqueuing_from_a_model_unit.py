"""Chapter 06's last exercise: a block that sends its jobs when its rows are there, or never."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from dramatiq import Broker, Message, Middleware
from sqlalchemy import delete
from sqlmodel import Session, col

from labkit import hooks
from labkit.actors import actor
from labkit.broker import LabBroker
from labkit.course.exercise import NotAttempted, Wrong
from labkit.database import session
from labkit.ledger.reader import Ledger
from labkit.ledger.records import JobRecord, JobState
from labkit.models import Task
from labkit.redis_server import ThrowawayRedis


class _Refused(Exception):
    """What goes wrong in the check's own block."""


class _Watch(Middleware):
    """Looks, whenever a job is sent, whether others can see the task of the block by then."""

    def __init__(self) -> None:
        self.task_id: int | None = None
        self.seen: list[bool] = []

    def before_enqueue(self, broker: Broker, message: Message[Any], delay: int | None) -> None:
        with session() as db:
            self.seen.append(db.get(Task, self.task_id) is not None)


class _Bench:
    """A broker on a Redis of the check's own, with two jobs on it."""

    def __init__(self, url: str) -> None:
        self.watch = _Watch()
        self.broker = LabBroker(url=url, middleware=[self.watch])
        self.ledger = Ledger(url=url)
        self.called: list[tuple[Any, ...]] = []
        self.made: list[int | None] = []

        @actor(broker=self.broker, actor_name="note")
        def note(*arguments: Any) -> None:
            self.called.append(arguments)

        @actor(broker=self.broker, actor_name="tell")
        def tell(*arguments: Any) -> None:
            self.called.append(arguments)

        self.note, self.tell = note, tell

    def make_task(self, db: Session) -> int | None:
        """A task that is inserted, and not committed."""
        task = Task(title="Buy milk")
        db.add(task)
        db.flush()
        self.watch.task_id = task.id
        self.made.append(task.id)
        return task.id

    def jobs(self) -> list[JobRecord]:
        return [job for state in JobState for job in self.ledger.jobs(state)]

    def is_saved(self) -> bool:
        with session() as db:
            return db.get(Task, self.watch.task_id) is not None

    def close(self) -> None:
        self.broker.close()
        with session() as db:
            db.execute(delete(Task).where(col(Task.id).in_(self.made)))


def check_sending(sending: Any) -> None:
    """Run blocks that end well and one that does not, and look at rows and jobs after each."""
    if not callable(sending):
        raise Wrong("`sending` is not a function any more: define it with `def`")
    # Hooks that are in force would send jobs of their own for the tasks that are made here.
    with ThrowawayRedis() as server, hooks.only():
        bench = _Bench(server.url)
        try:
            _judge_success(bench, sending)
            _judge_failure(bench, sending)
            _judge_nothing_left(bench, sending)
        finally:
            bench.close()


def _judge_success(bench: _Bench, sending: Callable[[], Any]) -> None:
    block = sending()
    if not hasattr(block, "__enter__"):
        raise Wrong(
            f"it returns a {type(block).__name__}, which `with` cannot use. Is `@contextmanager` "
            "above it, and a `yield` inside?"
        )
    with block as given:
        try:
            db, later = given
        except TypeError:
            raise Wrong(
                f"the block is given {given!r}, and should be given two things: the session, and "
                "a function `later`"
            ) from None
        if db is ... or later is ...:
            raise NotAttempted
        if not isinstance(db, Session):
            raise Wrong("the first of the two is no session: `session()` opens one, in a `with`")
        number = bench.make_task(db)
        wanted = [("note", (number, "first")), ("tell", (number,)), ("note", ())]
        for name, arguments in wanted:
            later(getattr(bench, name), *arguments)
    if bench.called:
        raise Wrong(
            "the job's function was called, and so it ran in this process. Which method sends it?"
        )
    jobs = bench.jobs()
    if any(job.eta is not None for job in jobs):
        raise Wrong(
            "the jobs were sent with a delay. A commit has no time limit, and neither does a delay "
            "wait for one: send them when it is over"
        )
    if not all(bench.watch.seen):
        raise Wrong(
            "a job was sent before the commit. At that moment the row was inserted, and nobody "
            "else could see it yet"
        )
    if not bench.is_saved():
        raise Wrong("the block ended well, and its task is not saved: does the session commit?")
    sent = [(job.actor, tuple(job.args)) for job in jobs]
    if sent != wanted:
        raise Wrong(
            f"the block asked for {_told(wanted)}, and {_told(sent)} came: all of them, with their "
            "arguments, in this order"
        )


def _judge_failure(bench: _Bench, sending: Callable[[], Any]) -> None:
    before = len(bench.jobs())
    try:
        with sending() as (db, later):
            later(bench.note, bench.make_task(db))
            raise _Refused("the payment was refused")
    except _Refused:
        pass
    else:
        raise Wrong(
            "an error in the block did not get out of it: whoever called cannot know that nothing "
            "was saved"
        )
    if bench.is_saved():
        raise Wrong("a block that failed has saved its task: an error must roll back")
    if len(bench.jobs()) > before:
        raise Wrong(
            "the block was rolled back, and its job was sent all the same: for a row that never was"
        )


def _judge_nothing_left(bench: _Bench, sending: Callable[[], Any]) -> None:
    before = len(bench.jobs())
    with sending() as (db, _):
        bench.make_task(db)
    if len(bench.jobs()) > before:
        raise Wrong(
            "a block that asked for no job has sent what an earlier block asked for. Each block "
            "needs a list of its own"
        )


def _told(calls: list[tuple[str, tuple[Any, ...]]]) -> str:
    return ", ".join(f"{name}{arguments}" for name, arguments in calls) or "nothing"
