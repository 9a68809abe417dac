from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from dramatiq import Message

from labkit import doctor
from labkit.broker import LabBroker
from labkit.settings import Settings
from labkit.worker import Worker

SECRET = "hush-hush"


def check(name: str) -> doctor.Check:
    return next(each for each in doctor.examine() if each.name == name)


def test_all_is_well(settings: Settings, tables: None) -> None:
    checks = doctor.examine()
    assert doctor.is_well(checks)
    assert [each.name for each in checks] == [
        *("python", "packages", "root", "redis", "database"),
        *("worker", "commands", "jupyter", "work", "disk"),
    ]
    assert doctor.as_json(checks)["checks"][3] == {
        "name": "redis",
        "ok": True,
        "text": check("redis").text,
        "todo": "",
    }


def test_each_thing_is_told_with_a_mark_and_what_to_do() -> None:
    assert str(doctor.Check("disk", True, "enough")) == "✓ disk       enough"
    assert str(doctor.Check("work", None, "not there", "Make it.")).splitlines() == [
        "– work       not there",
        "             → Make it.",
    ]
    assert not doctor.is_well([doctor.Check("disk", False, "full")])


def test_a_redis_that_is_gone_says_what_to_do_and_the_rest_is_told_all_the_same(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REDIS_URL", f"redis://:{SECRET}@127.0.0.1:1/12")
    checks = {each.name: each for each in doctor.examine()}
    assert checks["redis"].ok is False
    assert "correct REDIS_URL" in checks["redis"].text
    assert checks["python"].ok
    assert SECRET not in "\n".join(map(str, checks.values()))


def test_a_database_that_is_behind_says_how_to_bring_it_up(settings: Settings) -> None:
    found = check("database")
    assert found.ok is False
    assert "migrations behind" in found.text
    assert "labkit db upgrade" in found.todo


def test_no_password_of_the_database_shows(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_URL", f"postgresql://ann:{SECRET}@127.0.0.1:1/course")
    found = check("database")
    assert found.ok is False
    assert SECRET not in str(found)


def test_a_wrong_setting_is_told_and_stops_the_rest(root: Path) -> None:
    (root / "labkit.toml").write_text("concurrency = 'many'\n")
    checks = doctor.examine()
    assert checks[-1].name == "settings"
    assert "concurrency" in checks[-1].text
    assert not doctor.is_well(checks)


def test_a_worker_that_runs_is_named(settings: Settings, tables: None) -> None:
    assert check("worker").text == "none runs"
    (settings.root / "no_jobs.py").write_text("from labkit.actors import default_broker as b\nb()")
    worker = Worker.start(module="no_jobs")
    try:
        assert check("worker").text.startswith("process ")
    finally:
        worker.kill()


def test_a_full_disk_is_told(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "DISK_MEGABYTES", 10**9)
    assert check("disk").ok is False


def test_the_learners_jobs_are_listed(settings: Settings) -> None:
    assert check("work").ok is None
    folder = settings.root / "work" / "app" / "jobs"
    folder.mkdir(parents=True)
    (folder / "__init__.py").touch()
    (folder / "greet.py").touch()
    assert check("work").text == f"{settings.root / 'work'}, jobs: greet"


def test_the_same_from_the_root_from_a_folder_in_it_and_from_elsewhere(
    root: Path, tmp_path: Path
) -> None:
    """With a private Redis: it is the one thing that could differ."""
    notebooks = root / "notebooks"
    notebooks.mkdir()
    told = set()
    for folder in (root, notebooks, tmp_path):
        done = subprocess.run(
            [sys.executable, "-m", "labkit", "doctor"],
            cwd=folder,
            env={**os.environ, "LABKIT_REDIS_LINGER": "5"},
            capture_output=True,
            text=True,
            check=False,
        )
        told.add(done.stdout)
    assert len(told) == 1
    assert "private" in told.pop()


def test_the_ledger_is_held_against_dramatiqs_keys(settings: Settings) -> None:
    broker = LabBroker()
    sent = broker.enqueue(Message("default", "any", (), {}, {}))
    assert doctor.examine_ledger().ok
    broker.client.delete("dramatiq:default")
    found = doctor.examine_ledger()
    assert found.ok is False
    assert sent.message_id in found.text
    broker.client.close()
