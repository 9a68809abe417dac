"""Chapter 05's last exercise: no job at night, tried at times of the check's own choosing."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any

from labkit.actors import actor
from labkit.broker import LabBroker
from labkit.course.exercise import NotAttempted, Wrong
from labkit.ledger.reader import Ledger
from labkit.ledger.records import JobRecord, JobState
from labkit.redis_server import ThrowawayRedis

#: Where the customer is; half an hour off, so that no machine's own clock agrees by chance.
CUSTOMER = timezone(timedelta(hours=9, minutes=30))
#: Hour, minute and second at which a job is sent, and whether it is night then.
TIMES = [
    (12, 0, 0, False),
    (23, 0, 40, True),
    (3, 15, 20, True),
    (6, 59, 50, True),
    (22, 0, 0, True),
    (7, 0, 0, False),
    (21, 59, 59, False),
]
ARGUMENTS = (7, "a note")
#: A delay is cut to the millisecond, and ``now`` may have brought microseconds along.
LEEWAY = timedelta(milliseconds=500)


def check_politely(send_politely: Any) -> None:
    """What is in Redis after the learner's function has sent a job at each of ``TIMES``."""
    if not callable(send_politely):
        raise Wrong("`send_politely` is not a function any more: define it with `def`")
    with ThrowawayRedis() as server:
        called: list[tuple[Any, ...]] = []
        broker = LabBroker(url=server.url, middleware=[])

        @actor(broker=broker)
        def remind(*arguments: Any) -> None:
            called.append(arguments)

        ledger = Ledger(url=server.url)
        # Times that are still to come, so that no job becomes due while the check looks at it.
        day = datetime.now(CUSTOMER) + timedelta(days=30)
        for hour, minute, second, is_night in TIMES:
            now = day.replace(hour=hour, minute=minute, second=second, microsecond=0)
            ledger.clear()
            answer = send_politely(remind, *ARGUMENTS, now=now)
            jobs = [job for state in JobState for job in ledger.jobs(state)]
            if answer is ... and not jobs and not called:
                raise NotAttempted
            if called:
                raise Wrong("the job's function was called, and so it ran here, whatever the time")
            _judge(jobs, now, is_night)
        broker.close()


def _judge(jobs: list[JobRecord], now: datetime, is_night: bool) -> None:
    clock = f"at {now:%H:%M}"
    if len(jobs) != 1:
        raise Wrong(f"{clock} {len(jobs) or 'no'} jobs were sent, and one was asked for")
    [job] = jobs
    if tuple(job.args) != ARGUMENTS:
        raise Wrong(f"the job was given {tuple(job.args)}, and the arguments were {ARGUMENTS}")
    if not is_night:
        if job.eta is not None and now.hour == 7:
            raise Wrong(f"{clock} sharp the night is over, and the job was told to wait")
        if job.eta is not None:
            raise Wrong(
                f"{clock} on the customer's clock it is day, and the job was told to wait. On "
                "whose clock did you look?"
            )
        return
    if job.eta is None or job.enqueued_at is None:
        raise Wrong(f"{clock} it is night, and the job was sent to run at once")
    seven = now.replace(hour=7, minute=0, second=0) + timedelta(days=1 if now.hour >= 7 else 0)
    # A moment names its time itself; a delay counts from the real clock's now.
    if min(abs(job.eta - seven), abs(job.eta - job.enqueued_at - (seven - now))) <= LEEWAY:
        return
    due = job.eta.astimezone(CUSTOMER)
    if abs(due - now) > timedelta(days=3):  # a delay, then
        waits, away = job.eta - job.enqueued_at, seven - now
        raise Wrong(
            f"{clock} the job is told to wait {_hours(waits)}, and seven o'clock is {_hours(away)} "
            "away: a delay is not a time of day"
        )
    if abs(due - seven) < timedelta(minutes=1):
        raise Wrong(
            f"{now:at %H:%M:%S} the job is made due at {due:%H:%M:%S}: a clock has seconds, too"
        )
    if due < now:
        raise Wrong(
            f"{clock} the job is made due at {due:%H:%M} on the same day. That moment has passed, "
            "so the job would run at once"
        )
    raise Wrong(
        f"{clock} the job is made due at {due:%H:%M} on {due:%d %B}; seven is {seven:%d %B}"
    )


def _hours(length: timedelta) -> str:
    return f"{round(length / timedelta(hours=1), 2):g} hours"


STUB = """\
def send_politely(job, *arguments, now):
    return ..."""

SOLUTION = """\
def send_politely(job, *arguments, now):
    if 7 <= now.hour < 22:
        return job.send(*arguments)
    seven = now.replace(hour=7, minute=0, second=0, microsecond=0)
    if seven <= now:
        seven += timedelta(days=1)
    return job.send_at(seven, *arguments)
"""

OTHERWISE = """\
def send_politely(job, *arguments, now):
    clock = timedelta(hours=now.hour, minutes=now.minute, seconds=now.second)
    wait = timedelta(0)
    if clock < timedelta(hours=7):
        wait = timedelta(hours=7) - clock
    elif clock >= timedelta(hours=22):
        wait = timedelta(hours=31) - clock
    return job.send_in(wait, *arguments)
"""

SEVEN_IS_NIGHT = SOLUTION.replace("7 <= now.hour", "7 < now.hour")

SAME_DAY = """\
def send_politely(job, *arguments, now):
    if 7 <= now.hour < 22:
        return job.send(*arguments)
    return job.send_at(now.replace(hour=7, minute=0, second=0), *arguments)
"""

NINE_HOURS = """\
def send_politely(job, *arguments, now):
    if 7 <= now.hour < 22:
        return job.send(*arguments)
    return job.send_in(timedelta(hours=9), *arguments)
"""

ONLY_LATE = """\
def send_politely(job, *arguments, now):
    if now.hour < 22:
        return job.send(*arguments)
    return job.send_at(now.replace(hour=7, minute=0, second=0) + timedelta(days=1), *arguments)
"""

SERVERS_CLOCK = """\
def send_politely(job, *arguments, now):
    here = now.astimezone(UTC)
    if 7 <= here.hour < 22:
        return job.send(*arguments)
    return job.send_at(here.replace(hour=7, minute=0, second=0) + timedelta(days=1), *arguments)
"""

CALLED = """\
def send_politely(job, *arguments, now):
    if 7 <= now.hour < 22:
        return job(*arguments)
"""

BARE = """\
def send_politely(job, *arguments, now):
    if 7 <= now.hour < 22:
        return job.send()
"""
