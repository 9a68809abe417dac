"""Answers to try the check of chapter 09's payment on: right ones, and mistakes people make."""

from __future__ import annotations

# What stands before the exercise in the notebook, and answers to try the check on.
SETUP = """\
from uuid import uuid4

from labkit import Task, session
from labkit.errors import InvalidRow
from labkit.models import Model
from sqlalchemy.dialects.sqlite import insert
from sqlmodel import Field, select
"""

STUB = """\
class Payment(Model, table=True):
    id: int | None = Field(default=None, primary_key=True)
    # order: a text; cents: a whole number


def pay(order, cents):
    return ..."""

_MODEL = """\
class Payment(Model, table=True):
    id: int | None = Field(default=None, primary_key=True)
    order: str = Field(unique=True)
    cents: int


"""
_LOOSE_MODEL = _MODEL.replace(" = Field(unique=True)", "")

SOLUTION = (
    _MODEL
    + """\
def pay(order, cents):
    try:
        with session() as db:
            db.add(Payment(order=order, cents=cents))
            db.add(Task(title=f"Ship {order}"))
    except InvalidRow:
        print(order, "is paid already")
"""
)

OTHERWISE = """\
class Payment(Model, table=True):
    order: str = Field(primary_key=True)
    cents: int


def pay(order, cents):
    with session() as db:
        row = insert(Payment).values(order=order, cents=cents)
        if db.execute(row.on_conflict_do_nothing()).rowcount:
            db.add(Task(title=f"Ship {order}"))
"""

_PLAIN = """\
def pay(order, cents):
    with session() as db:
        db.add(Payment(order=order, cents=cents))
        db.add(Task(title=f"Ship {order}"))
"""

NO_KEY = _LOOSE_MODEL + _PLAIN
FAILS = _MODEL + _PLAIN

LOOKS_FIRST = (
    _LOOSE_MODEL
    + """\
def pay(order, cents):
    with session() as db:
        if db.exec(select(Payment).where(Payment.order == order)).first() is None:
            db.add(Payment(order=order, cents=cents))
            db.add(Task(title=f"Ship {order}"))
"""
)

NEW_KEY = """\
class Payment(Model, table=True):
    key: str = Field(primary_key=True, unique=True)
    order: str
    cents: int


def pay(order, cents):
    try:
        with session() as db:
            db.add(Payment(key=uuid4().hex, order=order, cents=cents))
            db.add(Task(title=f"Ship {order}"))
    except InvalidRow:
        pass
"""

TWO_STEPS = (
    _MODEL
    + """\
def pay(order, cents):
    try:
        with session() as db:
            db.add(Payment(order=order, cents=cents))
    except InvalidRow:
        return
    with session() as db:
        db.add(Task(title=f"Ship {order}"))
"""
)

SWALLOWS = (
    _MODEL
    + """\
def pay(order, cents):
    try:
        with session() as db:
            db.add(Payment(order=order, cents=cents))
            db.add(Task(title=f"Ship {order}"))
    except Exception:
        pass
"""
)

IN_MEMORY = (
    _LOOSE_MODEL
    + """\
paid = set()


def pay(order, cents):
    if order not in paid:
        paid.add(order)
        with session() as db:
            db.add(Payment(order=order, cents=cents))
            db.add(Task(title=f"Ship {order}"))
"""
)

WITH_A_LOCK = (
    _LOOSE_MODEL
    + """\
from threading import Lock

paying = Lock()


def pay(order, cents):
    with paying, session() as db:
        if db.exec(select(Payment).where(Payment.order == order)).first() is None:
            db.add(Payment(order=order, cents=cents))
            db.add(Task(title=f"Ship {order}"))
"""
)
