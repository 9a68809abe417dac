"""The command line: every command does its part, says what it needs, and fails in one line."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

import labkit.cli
from labkit.actors import actor
from labkit.broker import LabBroker
from labkit.ledger.reader import Ledger
from labkit.settings import Settings
from tests.support import wait_until

SECRET = "hush-hush"


def run(*words: str) -> tuple[int, str, str]:
    """Exit status, stdout and stderr of the command in this process."""
    result = CliRunner().invoke(labkit.cli.app, list(words))
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.exit_code, result.stdout, result.stderr


def said(*words: str) -> str:
    code, out, err = run(*words)
    assert code == 0, err
    return out


@pytest.fixture
def broker(settings: Settings) -> LabBroker:
    """A broker of these settings with one actor, ``greet``."""
    broker = LabBroker(settings=settings, url=None)

    @actor(broker=broker)
    def greet(name: str) -> None:
        raise NotImplementedError

    return broker


def send(broker: LabBroker, *names: str) -> None:
    for name in names:
        broker.get_actor("greet").send(name)


def commands() -> dict[str, Any]:
    """Every command by its full name."""
    found: dict[str, Any] = {}

    def collect(group: Any, prefix: str) -> None:
        for name, command in group.commands.items():
            if hasattr(command, "commands"):
                collect(command, f"{prefix}{name} ")
            else:
                found[f"{prefix}{name}"] = command

    collect(typer.main.get_command(labkit.cli.app), "")
    return found


def test_the_commands() -> None:
    assert set(commands()) == {
        *("lab", "worker", "redis", "jobs", "clear", "doctor", "room", "reset"),
        *("progress export", "progress import", "progress report"),
        *("generate job", "generate model", "generate migration"),
        *("db upgrade", "db current", "db prepare-test"),
    }


def test_every_command_and_every_option_has_help() -> None:
    for name, command in commands().items():
        assert command.help, name
        for parameter in command.params:
            assert getattr(parameter, "help", None), f"{name} {parameter.name}"


def test_an_error_is_one_line_and_the_status_1(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REDIS_URL", f"redis://:{SECRET}@127.0.0.1:1/12")
    for words in (["redis"], ["jobs"], ["clear", "--yes"], ["worker"], ["lab"]):
        code, out, err = run(*words)
        assert (code, out) == (1, "")
        assert err.startswith("labkit: Redis at redis://127.0.0.1:1/12 does not answer")
        assert err.count("\n") == 1
        assert SECRET not in err


def test_it_is_also_python_m_labkit(root: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "labkit", "generate", "job", "print"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "labkit: A job 'print' would hide 'print'. Choose another name.\n"


def test_redis_says_where_it_is_and_runs_a_command(settings: Settings, redis_url: str) -> None:
    assert f"at {redis_url} (REDIS_URL)" in said("redis")
    assert said("redis", "SET", "a key", "its value") == "OK\n"
    assert said("redis", "GET", "a key") == '"its value"\n'
    assert said("redis", "-n", "3", "DBSIZE") == "(integer) 0\n"
    assert run("redis", "FLUSHALL")[0] == 1


def test_jobs_counts_and_lists(broker: LabBroker, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    send(broker, "[bold]Ann[/bold]", "Bob\x1b[2J")
    broker.get_actor("greet").send_in(timedelta(hours=1), "Cid")
    out = said("jobs")
    assert "enqueued: 2 of 2" in out
    assert "scheduled: 1 of 1" in out
    assert "greet('[bold]Ann[/bold]')" in out
    assert "\x1b" not in out
    assert "enqueued: 1 of 2" in said("jobs", "--limit", "1")
    assert "enqueued: " not in said("jobs", "--state", "scheduled")
    assert "completed, dead, cancelled" in run("jobs", "--state", "gone")[2]


def test_clear_asks_and_then_removes_this_namespace_only(
    broker: LabBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    send(broker, "Ann", "Bob")
    broker.client.set("somebody else's", "1")
    code, _, err = run("clear")
    assert code == 1
    assert "--yes" in err
    assert sum(Ledger().counts().values()) == 2
    assert "2 enqueued" in said("clear", "--yes")
    assert sum(Ledger().counts().values()) == 0
    assert broker.client.get("somebody else's") == b"1"


def test_doctor_has_two_forms_and_a_status(settings: Settings) -> None:
    code, out, _ = run("doctor")
    assert code == 1
    assert "✗ database" in out
    assert "→ Run `labkit db upgrade`." in out
    said("db", "upgrade")
    assert "✓ database" in said("doctor")
    assert json.loads(said("doctor", "--json"))["ok"] is True


def test_db_says_what_it_did(settings: Settings) -> None:
    assert "missing    0001 create tasks" in said("db", "current")
    assert "migrated   0001 create tasks" in said("db", "upgrade")
    assert said("db", "upgrade") == "The database is up to date.\n"
    assert said("db", "current").endswith("development.sqlite3\nup to date\n")
    assert said("db", "prepare-test") == "The test database is ready.\n"
    assert (settings.state_dir / "test.sqlite3").exists()


def test_generate_writes_into_work_and_keeps_what_was_changed(root: Path) -> None:
    assert "create     app/jobs/greet.py" in said("generate", "job", "greet")
    file = root / "work" / "app" / "jobs" / "greet.py"
    file.write_text("# mine\n")
    assert "kept       app/jobs/greet.py" in said("generate", "job", "greet")
    assert "overwrite  app/jobs/greet.py" in said("generate", "job", "greet", "--force")
    assert "create     app/models/note.py" in said("generate", "model", "note", "text:text")
    assert "migrations/versions/0002_change.py" in said("generate", "migration", "change")


def test_reset_removes_jobs_rows_and_marks_but_not_work(
    broker: LabBroker, settings: Settings
) -> None:
    said("db", "upgrade")
    said("generate", "job", "greet")
    send(broker, "Ann")
    program = "from labkit import Task, session\nwith session() as db: db.add(Task(title='x'))"
    subprocess.run([sys.executable, "-c", program], check=True)
    (settings.state_dir / "progress.json").write_text("{}")
    assert run("reset")[0] == 1
    assert (settings.state_dir / "progress.json").exists()
    assert "begins anew" in said("reset", "--yes")
    count = "from labkit import Task, session\nfrom sqlmodel import select\n"
    count += "with session() as db: print(len(db.exec(select(Task)).all()))"
    rows = subprocess.run([sys.executable, "-c", count], capture_output=True, text=True, check=True)
    assert rows.stdout == "0\n"
    assert sum(Ledger().counts().values()) == 0
    assert not (settings.state_dir / "progress.json").exists()
    assert (settings.root / "work" / "app" / "jobs" / "greet.py").exists()


def test_worker_becomes_dramatiq_as_labkit_toml_says(settings: Settings, tmp_path: Path) -> None:
    log = tmp_path / "worker.log"
    with log.open("w") as output:
        worker = subprocess.Popen(
            [sys.executable, "-m", "labkit", "worker", "--processes", "2"],
            stdout=output,
            stderr=output,
            cwd=tmp_path,
        )
    try:
        wait_until(
            lambda: log.read_text().count("ready for action") == 2,
            timeout=30,
            description=f"two processes are ready: {log.read_text()}",
        )
        shown = subprocess.run(
            ["ps", "-ww", "-o", "args=", "-p", str(worker.pid)],
            capture_output=True,
            text=True,
            check=True,
        )
        assert shown.stdout.strip().endswith(
            "-m dramatiq labkit.jobs -p 1 -t 2 --processes 2 -Q default"
        )
    finally:
        worker.terminate()
        worker.wait(30)
    assert worker.returncode == 0


def test_help_is_quick_and_loads_no_database(root: Path) -> None:
    program = (
        "import sys\nfrom labkit.cli import app\n"
        "try: app(['--help'])\nexcept SystemExit: pass\n"
        "sys.exit('sqlalchemy' in sys.modules or 'dramatiq' in sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, env=os.environ)
