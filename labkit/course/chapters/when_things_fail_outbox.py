"""Chapter 09's last exercise: an outbox, so that a row and its job stand or fall together."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

from dramatiq import Middleware
from sqlalchemy import event
from sqlmodel import Session, func, select

from labkit import hooks
from labkit.actors import LabActor, actor
from labkit.broker import LabBroker
from labkit.course.exercise import NotAttempted, Wrong
from labkit.database import create_tables, session, using
from labkit.errors import DatabaseNotReady, LabkitError
from labkit.ledger.reader import Ledger
from labkit.models import Task
from labkit.redis_server import ThrowawayRedis

MESSAGES = ("first", "second", "third")


class _Refused(Exception):
    """What goes wrong in the check's own block."""


class _Killed(BaseException):
    """The relay's process is gone: no `except Exception` of the learner's sees it."""


@dataclass
class _Bench:
    """A Redis to kill, a broker on it, two jobs, and a database with an outbox."""

    server: ThrowawayRedis
    broker: LabBroker
    ledger: Ledger
    note: LabActor[..., None]
    tell: LabActor[..., None]
    model: Any
    put: Callable[..., Any]
    relay: Callable[..., Any]

    def task(self, db: Session, title: str) -> int | None:
        task = Task(title=title)
        db.add(task)
        db.flush()
        return task.id

    def put_three(self) -> None:
        with session() as db:
            for text in MESSAGES:
                self.put(db, self.note, text)

    def sent(self) -> list[tuple[str, tuple[Any, ...]]]:
        """Each delivery in the queue, in order: the job's name and arguments."""
        names: list[Any] = self.server.client().lrange("dramatiq:default", 0, -1)
        jobs = [self.ledger.job(name.decode().partition("#")[0]) for name in names]
        return [(job.actor, job.args) for job in jobs if job is not None]

    def rows(self) -> int:
        with session() as db:
            return int(db.exec(select(func.count()).select_from(self.model)).one())


@contextmanager
def _bench(put: Any, relay: Any, model: Any) -> Iterator[_Bench]:
    middleware: list[Middleware] = []
    with (
        ThrowawayRedis(persist=True, config={"appendfsync": "always"}) as server,
        tempfile.TemporaryDirectory() as folder,
        using(f"sqlite:///{folder}/outbox.sqlite3") as db,
        hooks.only(),
    ):
        broker = LabBroker(url=server.url, middleware=middleware)
        note = actor(broker=broker, actor_name="note")(_nothing)
        tell = actor(broker=broker, actor_name="tell")(_nothing)
        event.listen(db, "connect", _be_impatient)
        create_tables()
        model.__table__.create(db)
        try:
            yield _Bench(server, broker, Ledger(server.url), note, tell, model, put, relay)
        finally:
            broker.close()
            db.dispose()


def _be_impatient(connection: Any, _: object) -> None:
    # Whoever writes in a session beside the block's waits for the block itself, and for ever.
    connection.execute("PRAGMA busy_timeout = 300")


def _nothing(*_: Any) -> None:
    raise Wrong("the job's function was called, and so it ran here. It is to be sent")


def check_outbox(put: Any, relay: Any, model: Any) -> None:
    """Commits, rollbacks, a Redis that is away, and a relay that dies: what is in the queue?"""
    for function, name in ((put, "put"), (relay, "relay")):
        if not callable(function):
            raise Wrong(f"`{name}` is not a function any more: define it with `def`")
    for judge in (_judge_way, _judge_rollback, _judge_redis_away, _judge_relay_killed):
        with _bench(put, relay, model) as at:
            judge(at)


def _judge_way(at: _Bench) -> None:
    with session() as db:
        number = at.task(db, "Buy milk")
        try:
            answer = at.put(db, at.note, number)
        except DatabaseNotReady:
            raise Wrong(
                "`put` writes with a session of its own, and so waits until the block is over, "
                "which waits for `put`. The row belongs into the block's own transaction"
            ) from None
        at.put(db, at.tell, number, "twice")
        at.put(db, at.tell, number, "twice")
    if answer is ... and not at.rows():
        raise NotAttempted
    if at.sent():
        raise Wrong(
            "the job was in Redis before anybody called `relay`. Inside the block nothing may be "
            "sent: what is in Redis does not go away with a rollback"
        )
    if at.rows() != 3:
        raise Wrong(f"three jobs were put into the outbox, and it holds {at.rows()} rows")
    at.relay(at.broker, at.ledger)
    wanted = [("note", (number,)), ("tell", (number, "twice")), ("tell", (number, "twice"))]
    if at.sent() != wanted:
        raise Wrong(
            f"the outbox held {_told(wanted)}, and `relay` sent {_told(at.sent())}: each of them "
            "once, in this order, also when two look alike"
        )
    at.relay(at.broker, at.ledger)
    if len(at.sent()) > 3:
        raise Wrong("called a second time, `relay` sends again what it has sent: delete it there")
    if at.rows():
        raise Wrong(
            f"all was sent, and the outbox still holds {at.rows()} rows, which `relay` will read "
            "again each time: take out what is sent"
        )


def _judge_rollback(at: _Bench) -> None:
    with suppress(_Refused), session() as db:
        at.put(db, at.note, at.task(db, "Never"))
        raise _Refused
    at.relay(at.broker, at.ledger)
    if at.sent():
        raise Wrong(
            "the block was rolled back, and its job was sent all the same. The outbox's row has to "
            "be written with the block's own session"
        )


def _judge_redis_away(at: _Bench) -> None:
    at.server.kill()
    try:
        at.put_three()
    except LabkitError as error:
        raise Wrong(
            f"Redis was away at the commit, and the block failed with {type(error).__name__}. The "
            "outbox is there so that nobody needs Redis at that moment"
        ) from None
    with suppress(LabkitError):
        at.relay(at.broker, at.ledger)
    at.server.restart()
    at.relay(at.broker, at.ledger)
    wanted = [("note", (text,)) for text in MESSAGES]
    if at.sent() != wanted:
        raise Wrong(
            "`relay` was called while Redis was away, and once more when it was back. Now the "
            f"queue holds {_told(at.sent())}, and the outbox held {_told(wanted)}. Who forgets a "
            "row before it is sent may lose it"
        )


def _judge_relay_killed(at: _Bench) -> None:
    """The process of the relay dies just before it saves something: the first time, the next …"""
    for save in range(1, 2 * len(MESSAGES) + 1):
        at.ledger.clear()
        at.put_three()
        _relay_and_die(at, save)
        at.relay(at.broker, at.ledger)
        sent = len(at.sent())
        if sent > len(MESSAGES):
            raise Wrong(
                f"the relay died between sending and saving that it had sent, and was started "
                f"again: {sent} deliveries for {len(MESSAGES)} jobs. The message's id is in the "
                "row, and the ledger knows which ids it has seen"
            )
        if sent < len(MESSAGES):
            raise Wrong(
                f"the relay died before it saved what it had done, and was started again. "
                f"{len(MESSAGES) - sent} of {len(MESSAGES)} jobs are lost"
            )


def _relay_and_die(at: _Bench, save: int) -> None:
    left = [save]

    def die(_: Session) -> None:
        left[0] -= 1
        if left[0] == 0:
            raise _Killed

    event.listen(Session, "before_commit", die)
    try:
        with suppress(_Killed):
            at.relay(at.broker, at.ledger)
    finally:
        event.remove(Session, "before_commit", die)


def _told(calls: list[tuple[str, tuple[Any, ...]]]) -> str:
    return ", ".join(f"{name}{arguments}" for name, arguments in calls) or "nothing"
