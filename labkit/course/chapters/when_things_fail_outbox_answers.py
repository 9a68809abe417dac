"""Answers to try the check of chapter 09's outbox on: right ones, and mistakes people make."""

from __future__ import annotations

# What stands before the exercise in the notebook, and answers to try the check on.
SETUP = """\
from dramatiq import Message
from labkit import session
from labkit.models import Model, now
from pydantic import AwareDatetime
from sqlmodel import Field, delete, select


class Outbox(Model, table=True):
    __tablename__ = "app_outboxes"

    id: int | None = Field(default=None, primary_key=True)
    message: str
    created_at: AwareDatetime = Field(default_factory=now)
"""

STUB = """\
def put(db, job, *arguments):
    return ...


def relay(broker, ledger):
    return ..."""

_PUT = """\
def put(db, job, *arguments):
    message = job.message(*arguments)
    db.add(Outbox(message=message.encode().decode()))


"""

SOLUTION = (
    _PUT
    + """\
def relay(broker, ledger):
    with session() as db:
        for row in db.exec(select(Outbox).order_by(Outbox.id)):
            message = Message.decode(row.message.encode())
            if ledger.job(message.message_id) is None:
                broker.enqueue(message)
            db.delete(row)
"""
)

OTHERWISE = """\
def put(db, job, *arguments):
    text = job.message_with_options(args=arguments).encode().decode()
    db.connection().execute(Outbox.__table__.insert().values(message=text, created_at=now()))


def relay(broker, ledger):
    with session() as db:
        numbers = db.exec(select(Outbox.id).order_by(Outbox.id)).all()
    for number in numbers:
        with session() as db:
            row = db.get_one(Outbox, number)
            message = Message.decode(row.message.encode())
            if not ledger.job(message.message_id):
                broker.enqueue(message)
        with session() as db:
            db.exec(delete(Outbox).where(Outbox.id == number))
"""

SENDS = """\
def put(db, job, *arguments):
    job.send(*arguments)


def relay(broker, ledger):
    pass
"""

OWN_SESSION = _PUT.replace(
    "    db.add(", "    with session() as own:\n        own.add("
) + SOLUTION.removeprefix(_PUT)

FORGETS_FIRST = (
    _PUT
    + """\
def relay(broker, ledger):
    with session() as db:
        rows = db.exec(select(Outbox).order_by(Outbox.id)).all()
        for row in rows:
            db.delete(row)
    for row in rows:
        broker.enqueue(Message.decode(row.message.encode()))
"""
)

SENDS_AGAIN = (
    _PUT
    + """\
def relay(broker, ledger):
    with session() as db:
        for row in db.exec(select(Outbox).order_by(Outbox.id)):
            broker.enqueue(Message.decode(row.message.encode()))
            db.delete(row)
"""
)

KEEPS = (
    _PUT
    + """\
def relay(broker, ledger):
    with session() as db:
        for row in db.exec(select(Outbox).order_by(Outbox.id)):
            broker.enqueue(Message.decode(row.message.encode()))
"""
)

BY_ARGUMENTS = (
    _PUT
    + """\
def relay(broker, ledger):
    known = {str(job.args) for job in ledger.jobs("enqueued", limit=10_000)}
    with session() as db:
        for row in db.exec(select(Outbox).order_by(Outbox.id)):
            message = Message.decode(row.message.encode())
            if str(message.args) not in known:
                known.add(str(message.args))
                broker.enqueue(message)
            db.delete(row)
"""
)

NEVER_EMPTIES = (
    _PUT
    + """\
def relay(broker, ledger):
    with session() as db:
        for row in db.exec(select(Outbox).order_by(Outbox.id)):
            message = Message.decode(row.message.encode())
            if ledger.job(message.message_id) is None:
                broker.enqueue(message)
"""
)
