from __future__ import annotations

import gc
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from labkit.errors import WorkerError
from labkit.ledger.reader import Ledger
from labkit.ledger.records import JobState
from labkit.worker import KEEP_LOGS, Worker, command, group_members
from tests.support import gone, wait_until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from labkit.settings import Settings

    Start = Callable[..., Worker]

JOBS = """
import os, sys, time
from labkit import actor

@actor
def hello(name):
    print(f"hello {name} from {os.getpid()} at {time.time():.3f}")
    print("and on stderr", file=sys.stderr)

@actor
def sleep(seconds):
    print("asleep")
    time.sleep(seconds)
    print("awake")
"""


@pytest.fixture
def jobs(settings: Settings) -> str:
    """A module of this root's own, with two actors."""
    (settings.root / "some_jobs.py").write_text(JOBS)
    return "some_jobs"


@pytest.fixture
def start(jobs: str) -> Iterator[Callable[..., Worker]]:
    """``Worker.start`` on those jobs; killed at the end, because a stop takes two seconds."""
    started = []

    def start_one(**options: Any) -> Worker:
        started.append(Worker.start(module=jobs, **options))
        return started[-1]

    yield start_one
    for worker in started:
        worker.kill()


def send(actor: str, *args: object) -> float:
    """Send from another process, as the notebook and the worker are two; the time of the send."""
    program = f"import time, some_jobs; print(time.time()); some_jobs.{actor}.send(*{args!r})"
    shown = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    return float(shown.stdout)


def test_it_runs_jobs_and_shows_what_they_print(jobs: str) -> None:
    with Worker.start(module=jobs) as worker:
        assert worker.running
        send("hello", "Ann")
        assert worker.wait_for("hello Ann").startswith("hello Ann from ")
        assert worker.wait_for("on stderr") == "and on stderr"
        send("hello", "Ann")
        worker.wait_for("hello Ann", count=2)
    assert not worker.running
    assert "hello Ann" in worker.log()
    assert Ledger().counts()[JobState.COMPLETED] == 2


def test_the_first_job_of_a_fresh_worker_waits_for_imports_alone(start: Start) -> None:
    """Within a second on an idle machine; held against this machine's speed at this moment."""
    began = time.time()
    send("hello", "early")  # a process that imports the module, and sends
    one_import = time.time() - began
    started = time.time()
    line = start().wait_for("hello early", timeout=30)
    took = float(line.rpartition(" ")[2]) - started
    # Dramatiq's main process and then its child import in turn; each of its own waits is a second.
    assert took < 2.5 * one_import + 0.5, f"started after {took:.2f} s, one import {one_import:.2f}"


def test_processes_threads_and_queues_reach_the_command_line(settings: Settings) -> None:
    line = command(2, 3, ["mail", "default"], "some.module")
    assert line[:3] == [sys.executable, "-m", "dramatiq"]
    assert " ".join(line[3:]) == "some.module -p 2 -t 3 -Q mail default"
    assert "-Q" not in command(1, 1, [])


def test_threads_and_queues_are_those_of_labkit_toml(start: Start, settings: Settings) -> None:
    worker = start()
    shown = subprocess.run(
        ["ps", "-ww", "-o", "args=", "-p", str(worker.pid)],
        capture_output=True,
        text=True,
        check=True,
    )
    assert shown.stdout.split()[-7:] == ["some_jobs", "-p", "1", "-t", "2", "-Q", "default"]


def test_it_is_ready_when_all_its_processes_are(start: Start) -> None:
    worker = start(processes=2)
    assert worker.log().count("ready for action") == 2
    members = worker.pids()
    assert worker.pid in members
    assert len(members) >= 3
    worker.kill()
    assert worker.pids() == []
    wait_until(lambda: group_members(worker.pid) == [], 5, "the system has buried them all")


def test_stop_lets_the_job_finish(start: Start) -> None:
    worker = start()
    send("sleep", 1.5)
    worker.wait_for("asleep")
    assert worker.stop()
    assert "awake" in worker.log()


def test_stop_kills_what_does_not_end_in_time(start: Start) -> None:
    worker = start()
    send("sleep", 60)
    worker.wait_for("asleep")
    assert not worker.stop(timeout=0.2)
    assert "awake" not in worker.log()
    assert group_members(worker.pid) == []


def test_kill_takes_the_whole_group_in_the_middle_of_a_job(start: Start) -> None:
    worker = start()
    send("sleep", 60)
    worker.wait_for("asleep")
    members = worker.pids()
    worker.kill()
    worker.kill()
    assert not worker.running
    wait_until(lambda: all(gone(pid) for pid in members), description="all have ended")
    assert worker.stop()


def test_when_the_main_process_dies_its_children_do_not_go_on(start: Start) -> None:
    worker = start()
    members = worker.pids()
    os.kill(worker.pid, signal.SIGKILL)
    wait_until(lambda: all(gone(pid) for pid in members), description="all have ended")
    worker.stop()


OWNER = """
import os, sys
from labkit.worker import Worker
worker = Worker.start(module="some_jobs")
print(*worker.pids(), flush=True)
"""


@pytest.mark.parametrize(
    "ending", ["os.kill(os.getpid(), 9)", "sys.exit()", "os._exit(0)", "raise SystemError"]
)
def test_it_ends_with_its_owner(jobs: str, ending: str) -> None:
    owner = subprocess.run(
        [sys.executable, "-c", OWNER + ending], capture_output=True, text=True, check=False
    )
    members = [int(pid) for pid in owner.stdout.split()]
    assert len(members) >= 2
    wait_until(lambda: all(gone(pid) for pid in members), description="all have ended")


def test_a_fork_of_the_owner_leaves_it_alone(jobs: str) -> None:
    program = OWNER + (
        "if os.fork() == 0: sys.exit()\nos.wait()\nassert worker.running\nworker.stop()\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True, capture_output=True)


def test_a_worker_that_is_dropped_ends(jobs: str) -> None:
    members = Worker.start(module=jobs).pids()
    gc.collect()
    assert all(gone(pid) for pid in members)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("1 / 0", "ZeroDivisionError"),
        ("def broken(:", "SyntaxError"),
        ("import no_such_module", "no_such_module"),
    ],
)
def test_a_module_that_does_not_load_is_an_error_with_the_log(
    settings: Settings, content: str, message: str
) -> None:
    (settings.root / "bad_jobs.py").write_text(content)
    with pytest.raises(WorkerError, match=message):
        Worker.start(module="bad_jobs")


def test_waiting_for_what_never_comes_shows_the_log(start: Start) -> None:
    worker = start()
    with pytest.raises(WorkerError, match="ready for action"):
        worker.wait_for("never written", timeout=0.05)
    worker.stop()
    with pytest.raises(WorkerError, match="before it ended"):
        worker.wait_for("never written")


def test_a_line_is_waited_for_to_its_end(start: Start) -> None:
    """A job's print reaches the log in several writes, so a reader can meet half a line."""
    worker = start()
    with worker.log_path.open("a", encoding="utf-8") as log:
        print("received", end=" ", file=log, flush=True)
        with pytest.raises(WorkerError, match="did not write"):
            worker.wait_for("received", timeout=0.05)
        print("all of it", file=log, flush=True)
        assert worker.wait_for("received") == "received all of it"
    worker.stop()
    with worker.log_path.open("a", encoding="utf-8") as log:
        log.write("its last words")
    assert worker.wait_for("last words") == "its last words"


def test_variables_are_passed_on_and_pytest_is_not(start: Start, settings: Settings) -> None:
    (settings.root / "some_jobs.py").write_text(
        JOBS + 'print("VARS", *[os.environ.get(k) for k in '
        '("GREETING", "LABKIT_HOME", "PYTEST_CURRENT_TEST")])\n'
    )
    worker = start(env={"GREETING": "hi"})
    assert worker.wait_for("VARS") == f"VARS hi {settings.root} None"


def test_logs_are_named_by_pid_and_do_not_pile_up(start: Start, settings: Settings) -> None:
    folder = settings.state_dir / "workers"
    folder.mkdir(parents=True)
    for number in range(KEEP_LOGS + 5):
        (folder / f"{number}.log").touch()
    worker = start()
    assert worker.log_path == folder / f"{worker.pid}.log"
    assert len(list(folder.iterdir())) == KEEP_LOGS + 1


def test_the_courses_own_worker(settings: Settings, tables: None) -> None:
    with Worker.start() as worker:
        program = (
            "import labkit.jobs\nfrom labkit import Task, session\n"
            "with session() as db: db.add(Task(title='Buy milk'))\n"
        )
        subprocess.run([sys.executable, "-c", program], check=True)
        worker.wait_for("Buy milk")
    assert Path(worker.log_path).is_file()
