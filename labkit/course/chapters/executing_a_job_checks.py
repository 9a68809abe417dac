"""The checks of chapter 05: when a job is due, and what a finished job's record says."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

from dramatiq import Message

from labkit.course.exercise import Wrong
from labkit.ledger.reader import Ledger
from labkit.ledger.records import JobRecord

TOKYO = timezone(timedelta(hours=9))
#: Sending takes a moment, in which the clock goes on.
LEEWAY = timedelta(seconds=5)


def check_tomorrow(message: Any) -> None:
    """The time at which Redis says that the learner's job is due."""
    record = _record_of(message)
    if record.eta is None or record.enqueued_at is None:
        raise Wrong(
            "the job is not scheduled: it was sent to run at once. Either no time was given, or "
            "the time had passed already, and a time that has passed means now"
        )
    # Counted from the moment of sending, so that the answer stays right when checked later; to the
    # second, for a delay in milliseconds may fall a little short of it.
    sent = record.enqueued_at
    due = (record.eta.astimezone(TOKYO) + timedelta(milliseconds=500)).replace(microsecond=0)
    nine = _nine(sent, TOKYO)
    if abs(record.eta - nine) < timedelta(seconds=1):
        return
    if abs(due - nine) <= LEEWAY:
        raise Wrong(f"the job is due at {due:%H:%M:%S} in Tokyo: a time of day has seconds, too")
    for zone, whose in ((UTC, "in UTC"), (sent.astimezone().tzinfo, "where you are")):
        if abs(due - _nine(sent, zone)) <= LEEWAY:
            raise Wrong(
                f"the job is due at nine {whose}, and in Tokyo it is {due:%H:%M} then. The time "
                "zone belongs to the time, not to you"
            )
    if abs(due - sent - timedelta(days=1)) <= LEEWAY:
        raise Wrong(
            "the job is due 24 hours after it was sent, whatever the clock says then. Asked for is "
            "a time of day"
        )
    if (due.hour, due.minute) == (9, 0):
        raise Wrong(
            f"nine o'clock in Tokyo is right, and the day is not: it is due on {due:%d %B}, and "
            f"tomorrow in Tokyo is {nine:%d %B}"
        )
    raise Wrong(
        f"in Tokyo it will be {due:%H:%M} on {due:%d %B} when the job is due; asked for was 09:00 "
        f"on {nine:%d %B}"
    )


def _nine(sent: datetime, zone: Any) -> datetime:
    """Nine o'clock on the day after ``sent``, as a calendar in ``zone`` has it."""
    tomorrow = sent.astimezone(zone) + timedelta(days=1)
    return tomorrow.replace(hour=9, minute=0, second=0, microsecond=0)


def check_waited(message: Any, waited: Any, ran: Any) -> None:
    """The two parts of a finished job's life, against its record."""
    record = _record_of(message)
    if not (record.enqueued_at and record.started_at and record.finished_at):
        raise Wrong(f"the job is {record.state}: let it finish first, by opening the gate")
    waiting, running = _span(waited, "waited"), _span(ran, "ran")
    right = (record.started_at - record.enqueued_at, record.finished_at - record.started_at)
    if (waiting, running) == right:
        return
    whole = record.finished_at - record.enqueued_at
    if (running, waiting) == right:
        raise Wrong("you have the two the wrong way round")
    if waiting < timedelta(0) or running < timedelta(0):
        raise Wrong("a length of time came out negative: subtract the earlier from the later")
    if whole in (waiting, running):
        raise Wrong(
            "from enqueued to finished is the whole life of the job, waiting and running together. "
            "One of your two names holds that"
        )
    if (waiting, running) == tuple(timedelta(seconds=length.seconds) for length in right):
        raise Wrong("only whole seconds are left of the two: `total_seconds()` keeps the rest")
    raise Wrong("these are not the lengths of time between the three moments of this job's record")


def _span(value: Any, name: str) -> timedelta:
    """A length of time, given as a timedelta or as seconds; to the millisecond."""
    if isinstance(value, timedelta):
        return value
    if isinstance(value, int | float) and not isinstance(value, bool):
        return timedelta(milliseconds=round(value * 1000))
    if isinstance(value, datetime):
        raise Wrong(f"`{name}` is a moment; a length of time is the difference of two moments")
    raise Wrong(f"`{name}` is a {type(value).__name__}, and a length of time was asked for")


def _record_of(message: Any) -> JobRecord:
    if message is None:
        raise Wrong(
            "None is what the function returns: you called it, so it ran here and now. To have it "
            "run later, send it"
        )
    if not isinstance(message, Message):
        raise Wrong(f"what a send returns is a message, and this is a {type(message).__name__}")
    record = Ledger().job(message.message_id)
    if record is None:
        raise Wrong(
            "Redis knows no job with this message's id. Was it sent, or only made? Or has "
            "everything been cleared since?"
        )
    return record


# What stands before the exercises in the notebook, and answers to try their checks on.
DECLARED = """\
from datetime import UTC, datetime, timedelta, timezone
from labkit import Ledger, actor

@actor
def task_logger():
    print("TaskLogger is performed")
"""

# A job that is held at a gate for a moment, as in the chapter, by a worker inside this process.
HELD = """\
from datetime import UTC, datetime

from dramatiq import Worker
from labkit import Ledger, actor
from labkit.broker import LabBroker
from labkit.course.lab import wait_for_state, wait_until

gate = Ledger().client

@actor(broker=LabBroker())
def guard():
    while not gate.blpop("dramatiq:gate", timeout=1):
        pass

message = guard.send()
_worker = Worker(guard.broker, worker_threads=1, worker_timeout=20)
_worker.start()
held = wait_for_state(message, "running")
# The gate stays shut for longer than the job has waited, so that the two lengths differ.
wait_until(lambda: datetime.now(UTC) - held.started_at > 2 * (held.started_at - held.enqueued_at))
gate.rpush("dramatiq:gate", "open")
record = wait_for_state(message, "completed")
_worker.stop()
"""

TOMORROW = """\
tokyo = timezone(timedelta(hours=9))
tomorrow = ...  # task_logger.send_at(…)"""

TOMORROW_SOLUTION = """\
tokyo = timezone(timedelta(hours=9))
day = datetime.now(tokyo) + timedelta(days=1)
tomorrow = task_logger.send_at(day.replace(hour=9, minute=0, second=0, microsecond=0))
"""

TOMORROW_OTHERWISE = """\
now = datetime.now(timezone(timedelta(hours=9)))
midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
tomorrow = task_logger.send_in(midnight + timedelta(days=1, hours=9) - now)
"""

IN_UTC = """\
day = datetime.now(UTC) + timedelta(days=1)
tomorrow = task_logger.send_at(day.replace(hour=9, minute=0, second=0, microsecond=0))
"""

ANOTHER_DAY = """\
day = datetime.now(timezone(timedelta(hours=9))) + timedelta(days=2)
tomorrow = task_logger.send_at(day.replace(hour=9, minute=0, second=0, microsecond=0))
"""

WAITED = """\
waited = ...  # from enqueued to started
ran = ...  # from started to finished"""

WAITED_SOLUTION = """\
waited = record.started_at - record.enqueued_at
ran = record.finished_at - record.started_at
"""

WAITED_OTHERWISE = """\
job = Ledger().job(message.message_id)
moments = [job.enqueued_at, job.started_at, job.finished_at]
waited, ran = [(b - a).total_seconds() for a, b in zip(moments, moments[1:])]
"""

ALL_OF_IT = """\
waited = record.finished_at - record.enqueued_at
ran = record.finished_at - record.started_at
"""

SWAPPED = """\
ran = record.started_at - record.enqueued_at
waited = record.finished_at - record.started_at
"""

MOMENTS = """\
waited = record.started_at
ran = record.finished_at
"""

BACKWARDS = """\
waited = record.enqueued_at - record.started_at
ran = record.started_at - record.finished_at
"""
