"""The chapter's surroundings: a fresh start, waiting that ends, a Redis to break."""

from __future__ import annotations

import os
import threading
import time

import dramatiq
import pytest
from sqlalchemy import text
from sqlmodel import select

from labkit import Ledger, Log, Task, actor, session
from labkit.actors import LabActor
from labkit.broker import LabBroker
from labkit.course.lab import (
    NEEDED,
    doctor,
    fresh,
    open_throwaway,
    throwaway_postgres,
    throwaway_redis,
    wait_for_state,
    wait_until,
)
from labkit.database import engine
from labkit.errors import CourseError
from labkit.generate_model import generate_model
from labkit.migrations import upgrade_all
from labkit.settings import Settings
from labkit.worker import Worker
from tests.support import gone
from tests.support_jobs import quick_retries, running_worker


@pytest.fixture
def broker(settings: Settings, tables: None, monkeypatch: pytest.MonkeyPatch) -> LabBroker:
    broker = LabBroker()
    monkeypatch.setattr(dramatiq.broker, "global_broker", broker)
    return broker


@pytest.fixture
def note(broker: LabBroker) -> LabActor[..., None]:
    @actor
    def note(word: str = "") -> None:
        if word == "fail":
            raise ValueError("as asked")

    return note


def test_rows_of_the_learners_that_refer_to_a_task_go_too(
    broker: LabBroker, settings: Settings
) -> None:
    generate_model("note", ["task:references"], settings.root)
    generate_model("thing", ["name:string"], settings.root)
    upgrade_all(engine(), settings.root / "work")
    with session() as db:
        db.add(Task(title="Buy milk"))
        db.flush()
        when = "2026-01-01 00:00:00"
        db.execute(text(f"INSERT INTO app_notes VALUES (1, 1, '{when}')"))
        db.execute(text(f"INSERT INTO app_things VALUES (1, 'mine', '{when}')"))
    fresh("00")
    with session() as db:
        counts = [
            db.execute(text(f"SELECT count(*) FROM {table}")).scalar_one()
            for table in ("tasks", "app_notes", "app_things")
        ]
    assert counts == [0, 0, 1]


def test_the_doctor_names_what_is_here_the_same_on_every_machine(
    broker: LabBroker, capsys: pytest.CaptureFixture[str]
) -> None:
    doctor()
    assert capsys.readouterr().out.splitlines() == [
        *(f"✓ {words}" for words in NEEDED.values()),
        "Everything is here.",
    ]


def test_the_doctor_says_what_to_do_where_something_is_missing(
    broker: LabBroker, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REDIS_URL", "redis://127.0.0.1:1/0")
    doctor()
    said = capsys.readouterr().out
    assert "✗ redis" in said
    assert "Start it" in said
    assert "Everything is here" not in said


def test_fresh_leaves_no_job_no_task_and_no_log(
    note: LabActor[..., None], capsys: pytest.CaptureFixture[str]
) -> None:
    note.send()
    with session() as db:
        task = Task(title="old")
        db.add(task)
        db.flush()
        db.add(Log(task_id=task.id, message="old"))
    fresh("00")
    assert set(Ledger().counts().values()) == {0}
    with session() as db:
        assert db.exec(select(Log)).all() == []
        new = Task(title="new")
        db.add(new)
    assert new.id == 1
    assert capsys.readouterr().out == "Chapter 00, Start here: no jobs, no tasks, no logs yet.\n"


def test_fresh_leaves_other_namespaces_alone(broker: LabBroker) -> None:
    broker.client.set("other:key", "theirs")
    fresh("00")
    assert broker.client.get("other:key") == b"theirs"


def test_fresh_knows_its_chapter(broker: LabBroker) -> None:
    with pytest.raises(CourseError, match="There is no chapter '5'"):
        fresh("5")


def test_waiting_returns_what_came_and_ends_when_it_does_not() -> None:
    began = time.monotonic()
    assert wait_until(lambda: time.monotonic() - began > 0.02 and "so") == "so"
    with pytest.raises(CourseError, match=r"Waited 0\.05 s for a sign, and it did not come"):
        wait_until(lambda: False, timeout=0.05, what="a sign")


def test_waiting_for_a_state_gives_the_record(broker: LabBroker, note: LabActor[..., None]) -> None:
    message = note.send("hello")
    with running_worker(broker):
        record = wait_for_state(message, "completed")
    assert record.args == ("hello",)
    assert wait_for_state(message.message_id, "completed") == record


def test_waiting_for_what_cannot_come_any_more_ends_at_once(
    broker: LabBroker, note: LabActor[..., None]
) -> None:
    quick_retries(broker, max_retries=0)
    message = note.send("fail")
    with running_worker(broker):
        wait_for_state(message, "dead")
    with pytest.raises(CourseError, match=r"it is dead \(ValueError: as asked\)"):
        wait_for_state(message, "completed", timeout=60)


def test_waiting_without_a_worker_asks_for_one(note: LabActor[..., None]) -> None:
    with pytest.raises(CourseError, match=r"it is enqueued\. Is a worker running"):
        wait_for_state(note.send(), "completed", timeout=0.05)


def test_waiting_for_an_unknown_job_says_so(broker: LabBroker) -> None:
    with pytest.raises(CourseError, match="it is unknown to Redis"):
        wait_for_state("no-such-job", "completed", timeout=0.05)


def test_a_throwaway_server_ends_with_its_block() -> None:
    with throwaway_redis() as server:
        assert open_throwaway() is server
        assert server.client().ping()
        pid = server.pid
    assert gone(pid)
    assert open_throwaway() is None
    server.close()


def test_starting_another_throwaway_closes_the_first() -> None:
    first = throwaway_redis()
    pid = first.pid
    with throwaway_redis() as second:
        assert gone(pid)
        assert open_throwaway() is second


def test_fresh_ends_the_workers_of_an_earlier_run(broker: LabBroker) -> None:
    worker = Worker.start(threads=1)
    fresh("00")
    assert not worker.running


def test_fresh_names_a_worker_that_runs_elsewhere(
    broker: LabBroker, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("labkit.course.lab.LEAVING", 0.1)
    with running_worker(broker):
        fresh("00")
    assert (
        f"A worker runs outside this notebook (process {os.getpid()} on" in capsys.readouterr().out
    )


def test_fresh_waits_for_a_worker_that_is_about_to_end(
    broker: LabBroker, capsys: pytest.CaptureFixture[str]
) -> None:
    ending = running_worker(broker)
    ending.__enter__()
    thread = threading.Thread(target=lambda: ending.__exit__(None, None, None))
    thread.start()
    fresh("00")
    thread.join()
    assert "outside this notebook" not in capsys.readouterr().out


def test_a_throwaway_postgres_is_one_at_a_time_and_may_be_closed_twice() -> None:
    first = throwaway_postgres()
    second = throwaway_postgres()
    assert (first.running, second.running) == (False, True)
    for _ in range(2):
        second.close()
    assert not second.running
