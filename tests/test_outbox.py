"""What chapter 09 has the learner build, with its solutions as the code: everything around it dies.

``test_chapters.py`` holds the exercises to their contract; here are real processes, killed with -9.
"""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from dramatiq import Message
from sqlalchemy import text

from labkit.broker import LabBroker
from labkit.course import chapters
from labkit.database import engine, session
from labkit.ledger.reader import Ledger
from labkit.ledger.records import JobState
from labkit.redis_server import ThrowawayRedis
from labkit.settings import Settings
from labkit.worker import Worker
from tests.support import BOTH, wait_until
from tests.support_jobs import wait_for_state

OUTBOX = chapters.exercise("09.outbox")
PAY = chapters.exercise("09.once")

#: The learner's outbox, and around it one that commits without end and one that relays without end.
APPLICATION = f"""\
import itertools
import os
import signal
import sys
from contextlib import suppress
from time import sleep

from dramatiq import Middleware
from labkit import LabkitError, Ledger, Task, actor
from labkit.broker import LabBroker

{OUTBOX.setup}

{OUTBOX.solution}


class DiesAtItsThird(Middleware):
    sent = 0

    def after_enqueue(self, *_):
        self.sent += 1
        if sys.argv[1] == "die" and self.sent == 3:
            os.kill(os.getpid(), signal.SIGKILL)


broker = LabBroker(url=sys.argv[2], middleware=[DiesAtItsThird()])
note = actor(broker=broker, actor_name="note")(print)


def write():
    for number in itertools.count():
        with suppress(ZeroDivisionError), session() as db:
            task = Task(title=f"Task {{number}}")
            db.add(task)
            db.flush()
            put(db, note, task.id)
            1 / (number % 5)  # one in five is rolled back


if sys.argv[1] == "write":
    write()
while sys.argv[1] == "relay":
    with suppress(LabkitError):
        relay(broker, Ledger(sys.argv[2]))
    sleep(0.01)
relay(broker, Ledger(sys.argv[2]))
"""

JOB = f"""\
from time import sleep

from labkit import actor
from labkit.database import engine

{PAY.setup}

{PAY.solution}

@actor(actor_name="pay")
def pay_and_tell(order, cents):
    pay(order, cents)
    sleep(0.5)


Payment.__table__.create(engine(), checkfirst=True)
"""


def count(table: str) -> int:
    with session() as db:
        return int(db.execute(text(f"SELECT count(*) FROM {table}")).scalar_one())


@contextmanager
def application(root: Path, what: str, url: str) -> Iterator[subprocess.Popen[bytes]]:
    """The application above as a process, which is killed at the end of the block."""
    file = root / "application.py"
    file.write_text(APPLICATION, encoding="utf-8")
    process = subprocess.Popen([sys.executable, str(file), what, url])
    try:
        yield process
    finally:
        process.kill()
        process.wait()


@BOTH
@pytest.mark.timeout(240)
def test_a_row_and_its_job_stand_or_fall_together(root: Path, tables: None) -> None:
    names: dict[str, Any] = {"__name__": __name__}
    exec(compile(OUTBOX.setup, "setup", "exec", dont_inherit=True), names)  # noqa: S102
    names["Outbox"].__table__.create(engine())
    with ThrowawayRedis(persist=True, config={"appendfsync": "always"}) as server:
        with application(root, "write", server.url) as writer:
            with application(root, "relay", server.url):
                wait_until(lambda: count("tasks") > 30, 60, "tasks are written")
                server.kill()
                before = count("tasks")
                wait_until(lambda: count("tasks") > before + 30, 60, "nobody needs Redis for that")
            server.restart()
            # In the middle of its transaction: three are sent, and none is taken out.
            with application(root, "die", server.url) as relay:
                assert relay.wait(60) == -signal.SIGKILL
            writer.kill()
        with application(root, "once", server.url) as relay:
            assert relay.wait(60) == 0
        assert count("app_outboxes") == 0
        with session() as db:
            tasks = [number for (number,) in db.execute(text("SELECT id FROM tasks"))]
        jobs = Ledger(server.url).jobs("enqueued", limit=10_000)
        assert sorted(job.args[0] for job in jobs) == sorted(tasks)
        # A delivery a job: none was put into the queue twice.
        assert server.client().llen("dramatiq:default") == len(jobs)


@BOTH
@pytest.mark.slow
def test_a_payment_is_booked_once_by_workers_that_are_killed(
    settings: Settings, tables: None
) -> None:
    file = settings.work / "app" / "jobs" / "pay.py"
    file.parent.mkdir(parents=True)
    file.write_text(JOB, encoding="utf-8")
    order: dict[str, Any] = {"args": ("A-1", 500), "kwargs": {}, "options": {}}
    broker = LabBroker()
    with Worker.start() as first:
        message = broker.enqueue(Message(queue_name="default", actor_name="pay", **order))
        wait_until(lambda: count("payment") == 1, 10, "it is paid")
        first.kill()
    with Worker.start():
        job = wait_for_state(Ledger(), message.message_id, JobState.COMPLETED)
        assert job.times_lost == 1
        again = broker.enqueue(Message(queue_name="default", actor_name="pay", **order))
        wait_for_state(Ledger(), again.message_id, JobState.COMPLETED)
    broker.close()
    assert (count("payment"), count("tasks")) == (1, 1)
