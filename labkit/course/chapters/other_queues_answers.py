"""Answers to chapter 10's exercises: right ones, and wrong ones that people give."""

from __future__ import annotations

LATER_SETUP = """\
from datetime import timedelta

from labkit.course.lab import throwaway_redis
from labkit.jobs import task_logger
from redis import Redis
from rq import Queue

server = throwaway_redis()
queue = Queue(connection=Redis.from_url(server.url))
job = task_logger.fn
"""

PROMISE_SETUP = """\
import os

from labkit import Task, session
from labkit.course.chapters.other_queues_place import make_queue, postgres, raw
from labkit.jobs import task_logger
from procrastinate import App, SyncPsycopgConnector

make_queue(postgres())
app = App(connector=SyncPsycopgConnector(conninfo=os.environ["DATABASE_URL"]))
log_task = app.task(task_logger.fn, name="log_task")
app.open()
"""

PROMISE = """\
def promise(title):
    with session() as db:
        task = Task(title=title)
        db.add(task)
        db.flush()
        log_task.configure(connection=raw(db)).defer(task_id=task.id)
        tomorrow = log_task.configure(connection=raw(db), schedule_in={"days": 1})
        tomorrow.defer(task_id=task.id)
"""

PROMISE_OTHERWISE = """\
def promise(title):
    with session() as db:
        db.add(task := Task(title=title))
        db.flush()
        for options in ({"schedule_in": {"hours": 24}}, {}):
            options |= {"connection": db.connection().connection.dbapi_connection}
            log_task.configure(**options).defer(task_id=task.id)
"""

OWN_CONNECTION = """\
def promise(title):
    with session() as db:
        task = Task(title=title)
        db.add(task)
        db.flush()
        log_task.defer(task_id=task.id)
        log_task.configure(schedule_in={"days": 1}).defer(task_id=task.id)
"""

BEHIND_THE_BLOCK = """\
def promise(title):
    with session() as db:
        task = Task(title=title)
        db.add(task)
    log_task.defer(task_id=task.id)
    log_task.configure(schedule_in={"days": 1}).defer(task_id=task.id)
"""

NO_FLUSH = """\
def promise(title):
    with session() as db:
        task = Task(title=title)
        db.add(task)
        log_task.configure(connection=raw(db)).defer(task_id=task.id)
        log_task.configure(connection=raw(db), schedule_in={"days": 1}).defer(task_id=task.id)
"""

TWO_BLOCKS = """\
def promise(title):
    with session() as db:
        task = Task(title=title)
        db.add(task)
    with session() as db:
        log_task.configure(connection=raw(db)).defer(task_id=task.id)
        log_task.configure(connection=raw(db), schedule_in={"days": 1}).defer(task_id=task.id)
"""

BOTH_LATER = """\
def promise(title):
    with session() as db:
        task = Task(title=title)
        db.add(task)
        db.flush()
        later = log_task.configure(connection=raw(db), schedule_in={"days": 1})
        later.defer(task_id=task.id)
        later.defer(task_id=task.id)
"""

TAKE_SETUP = """\
from labkit.course.chapters.other_queues_place import postgres
from labkit.models import Model
from sqlmodel import Field, select

postgres()


class Errand(Model, table=True):
    id: int | None = Field(default=None, primary_key=True)
    task_id: int
    taken: bool = False
"""

TAKE = """\
def take(db):
    oldest = select(Errand).order_by(Errand.id).limit(1)
    return db.exec(oldest.with_for_update(skip_locked=True)).first()
"""

TAKE_OTHERWISE = """\
from sqlalchemy import text


def take(db):
    query = "SELECT id FROM errand ORDER BY id FOR UPDATE SKIP LOCKED LIMIT 1"
    number = db.execute(text(query)).scalar()
    return number and db.get(Errand, number)
"""

ONLY_LOOKS = """\
def take(db):
    return db.exec(select(Errand).order_by(Errand.id)).first()
"""

WAITS = """\
def take(db):
    return db.exec(select(Errand).order_by(Errand.id).limit(1).with_for_update()).first()
"""

MARKS = """\
def take(db):
    free = select(Errand).where(Errand.taken == False).order_by(Errand.id)
    errand = db.exec(free.with_for_update(skip_locked=True)).first()
    if errand:
        errand.taken = True
        db.add(errand)
        db.commit()
    return errand
"""

NEWEST = """\
def take(db):
    newest = select(Errand).order_by(Errand.id.desc()).limit(1)
    return db.exec(newest.with_for_update(skip_locked=True)).first()
"""

LOCKS_ALL = """\
def take(db):
    free = db.exec(select(Errand).order_by(Errand.id).with_for_update(skip_locked=True)).all()
    return free[0] if free else None
"""
