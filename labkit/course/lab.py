"""What a chapter needs around its cells: a fresh start, waiting without sleeping, a Redis to break.

    doctor()                                     # is all here that the course needs?
    fresh("05")                                  # no jobs, no tasks: the chapter can begin
    wait_for_state(message, "completed")         # -> JobRecord, as soon as it is so
    wait_until(lambda: "done" in worker.log())   # anything else that can be asked
    server = throwaway_redis()                   # its own server, to flush and to kill
    server = throwaway_postgres()                # the same of a database

Each may be run again, as cells are.
"""

from __future__ import annotations

import atexit
import time
from collections.abc import Callable
from typing import Any, Self, TypeVar

from dramatiq import Message
from sqlalchemy import MetaData, Table, delete, text

from labkit.cell_order import run_first, started_worker
from labkit.course import chapters
from labkit.course.show import print_line
from labkit.database import engine, session
from labkit.errors import CourseError, RedisRefused
from labkit.heartbeat import connection_name
from labkit.ledger.reader import Ledger
from labkit.ledger.records import JobRecord, JobState
from labkit.ledger.workers import WorkerCard
from labkit.models import Task
from labkit.postgres_throwaway import ThrowawayPostgres
from labkit.redis_client import redis_errors
from labkit.redis_server import ThrowawayRedis
from labkit.worker import started

T = TypeVar("T")

#: Seconds between two looks; short enough that nobody notices.
STEP = 0.005
#: Seconds that a worker in a terminal may need until it says that it is there.
BOOTING = 2.0
#: Seconds that a worker needs at most to end after the kernel that started it (tether.GRACE).
LEAVING = 3.0


#: What a chapter cannot do without, in words; the doctor looks at more than that.
NEEDED = {
    "python": "a Python that fits",
    "packages": "the packages of the course",
    "root": "a folder to keep things in",
    "redis": "a Redis that answers",
    "database": "a database with its tables",
    "jupyter": "JupyterLab",
    "disk": "space on the disk",
}


def doctor() -> None:
    """Say of each thing that the course needs whether it is there, and what to do if it is not.

    ``labkit doctor`` says the same with versions and places, which differ between machines.
    """
    from labkit.doctor import examine, is_well

    checks = examine()
    for check in checks:
        if check.ok is False:
            print_line(str(check))
        elif check.name in NEEDED:
            print_line(f"✓ {NEEDED[check.name]}")
    if is_well(checks):
        print_line("Everything is here.")


def fresh(number: str) -> None:
    """Begin a chapter in a known state: no job in this course's namespace, no task and no log.

    So it runs alone, twice in a row, and whatever an earlier one left. See ``clear``.

    Raises:
      CourseError: no such chapter.
      RedisUnavailable, DatabaseNotReady: ``%load_ext labkit`` says what to do.
    """
    chapter = chapters.find(number)
    clear()
    print_line(f"Chapter {number}, {chapter.title}: no jobs, no tasks, no logs yet.")


def clear() -> None:
    """Remove all jobs of this course's namespace, all tasks, and all rows that refer to them.

    Workers that an earlier run of the chapter left in this kernel are killed. One that runs
    elsewhere, in a terminal or another notebook, is named: it would take this chapter's jobs.
    """
    ledger = Ledger()
    for worker in started():
        worker.kill()
    for card in _workers_elsewhere(ledger):
        print_line(
            f"A worker runs outside this notebook (process {card.pid} on {card.host}) and takes "
            "this chapter's jobs too. Stop it, so that what you see here is what you did."
        )
    ledger.clear()
    with session() as db:
        if engine().dialect.name == "postgresql":
            db.execute(text("TRUNCATE logs, tasks RESTART IDENTITY CASCADE"))
        else:  # SQLite counts from 1 again once a table is empty.
            for table in _tasks_and_what_refers_to_them():
                db.execute(delete(table))


def _tasks_and_what_refers_to_them() -> list[Table]:
    """The table of tasks behind all that refer to it: the logs, and the learner's own."""
    schema = MetaData()
    schema.reflect(engine())
    found = {str(Task.__tablename__)}
    for table in schema.sorted_tables:
        if any(key.column.table.name in found for key in table.foreign_keys):
            found.add(table.name)
    return [table for table in reversed(schema.sorted_tables) if table.name in found]


def _workers_elsewhere(ledger: Ledger) -> list[WorkerCard]:
    """The labkit workers that still live; those of a kernel that has just gone get time to end."""
    deadline = time.monotonic() + LEAVING
    while True:
        try:
            with redis_errors(ledger.client):
                connections = {client.get("name") for client in ledger.client.client_list()}
        except RedisRefused:  # this Redis user may not ask
            return []
        living = [card for card in ledger.workers() if connection_name(card.name) in connections]
        if not living or time.monotonic() > deadline:
            return living
        time.sleep(STEP)


def wait_until(predicate: Callable[[], T], timeout: float = 10.0, what: str = "") -> T:
    """Ask again and again until ``predicate()`` is true, and return what it then said.

    Raises:
      CourseError: it was not within ``timeout`` seconds.
    """
    began, looked = time.monotonic(), False
    while not (value := predicate()):
        waited = time.monotonic() - began
        # Where cells were skipped and no worker runs, what did not come soon will not come.
        vain = not looked and waited > BOOTING and run_first() and not _anybody_works()
        looked = waited > BOOTING
        if vain or waited > timeout:
            subject = what or "what this cell waits for"
            raise CourseError(
                f"Waited {min(timeout, round(waited, 1)):g} s for {subject}, and it did not come. "
                f"Is a worker running?{started_worker()}"
            )
        time.sleep(STEP)
    return value


def _anybody_works() -> bool:
    """Whether a worker runs: on the course's Redis, or of this kernel on any other."""
    return bool(started() or Ledger().workers())


def wait_for_state(
    job: Message[Any] | str, state: JobState | str, timeout: float = 10.0
) -> JobRecord:
    """Wait until a job (a message, or its id) is in ``state``; return its record.

    Raises:
      CourseError: it is not within ``timeout`` seconds, or has come to an end in another state, or
        no worker runs.
    """
    wanted, ledger = JobState(state), Ledger()
    job_id = job if isinstance(job, str) else job.message_id
    began, looked = time.monotonic(), False
    while (record := ledger.job(job_id)) is None or record.state is not wanted:
        if record is not None and record.state.is_final:
            error = f" ({record.error})" if record.error else ""
            raise CourseError(
                f"The job {job_id} will not be {wanted} any more: it is {record.state}{error}."
            )
        waited = time.monotonic() - began
        nobody = not looked and waited > BOOTING and not ledger.workers()
        looked = waited > BOOTING
        if nobody or waited > timeout:
            where = record.state if record else "unknown to Redis"
            raise CourseError(
                f"Waited {min(timeout, round(waited, 1)):g} s for the job {job_id} to be {wanted}, "
                f"and it is {where}. {'No worker runs.' if nobody else 'Is a worker running?'}"
                f"{started_worker()}"
            )
        time.sleep(STEP)
    return record


class CourseRedis(ThrowawayRedis):
    """A running throwaway server: ``with`` closes it, and so does the end of the kernel.

    While it is open, ``%redis`` talks to it, and refuses it nothing.
    """

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        super().__enter__()
        _open.append(self)
        atexit.register(self.close)

    def __enter__(self) -> Self:
        return self

    def close(self) -> None:
        """End the server and remove its folder; safe to repeat."""
        atexit.unregister(self.close)
        if self in _open:
            _open.remove(self)
        super().close()


_open: list[CourseRedis] = []


def throwaway_redis(**options: Any) -> CourseRedis:
    """Start a Redis of one's own, to flush, fill or kill; ``options`` as ThrowawayRedis has them.

    One is open at a time: starting another, as re-running the cell does, closes it.
    """
    for server in list(_open):
        server.close()
    return CourseRedis(**options)


def throwaway_postgres() -> ThrowawayPostgres:
    """Start a PostgreSQL of one's own; ``close()`` ends it, and so does the end of the kernel.

    One is open at a time: starting another, as re-running the cell does, closes it.

    Raises:
      DatabaseNotReady: there is none to start; the message says how to get one.
    """
    while _databases:
        atexit.unregister(_databases[-1].close)
        _databases.pop().close()
    server = ThrowawayPostgres().__enter__()
    _databases.append(server)
    atexit.register(server.close)
    return server


_databases: list[ThrowawayPostgres] = []


def open_throwaway() -> CourseRedis | None:
    """The throwaway server that is open now, if one is."""
    return _open[-1] if _open else None
