"""A worker that is told to stop, and what is left of anything once its owner has gone."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from dramatiq import Message

from labkit.broker import LabBroker
from labkit.ledger.check import check
from labkit.ledger.reader import Ledger
from labkit.ledger.records import JobRecord, JobState
from labkit.worker import Worker
from tests.support import gone, wait_until

if TYPE_CHECKING:
    from labkit.settings import Settings

JOBS = """
import os, time
from pathlib import Path
from labkit import actor

@actor(max_retries=0)
def work(number, seconds):
    with Path(os.environ["TALLY"]).open("a") as tally:
        tally.write(f"{number}\\n")
    time.sleep(seconds)
"""


@pytest.fixture
def tally(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Path:
    (settings.root / "some_jobs.py").write_text(JOBS)
    path = settings.root / "tally"
    path.touch()
    monkeypatch.setenv("TALLY", str(path))
    return path


def send(broker: LabBroker, count: int, seconds: float) -> list[str]:
    messages = [Message("default", "work", (n, seconds), {}, {}) for n in range(count)]
    return [message.message_id for message in broker.enqueue_many(messages)]


def begun(tally: Path) -> Counter[str]:
    return Counter(tally.read_text().split())


@pytest.mark.parametrize(
    "how",
    [
        "once",
        pytest.param("twice", marks=pytest.mark.slow),
        pytest.param("to the whole group", marks=pytest.mark.slow),
    ],
)
def test_sigterm_lets_jobs_finish_and_puts_the_rest_back_once(
    settings: Settings, tally: Path, how: str
) -> None:
    """Two run, more are fetched and not begun, most still wait."""
    broker, ledger = LabBroker(settings=settings), Ledger()
    jobs = send(broker, 40, 0.3)
    first = Worker.start(module="some_jobs", threads=2)
    wait_until(lambda: len(begun(tally)) >= 4, 20, "some have begun")
    if how == "twice":
        os.kill(first.pid, signal.SIGTERM)
    if how == "to the whole group":
        os.killpg(first.pid, signal.SIGTERM)
    assert first.stop(20)
    if how == "once":
        completed = ledger.counts()[JobState.COMPLETED]
        assert completed == len(begun(tally)) >= 4
        assert ledger.counts()[JobState.ENQUEUED] == len(jobs) - completed > 0
        assert check(ledger) == []
    run_the_rest(ledger, len(jobs))
    # Dramatiq takes a second signal for "at once": what ran then is broken off, and runs again.
    again = {number for number, times in begun(tally).items() if times > 1}
    assert begun(tally).total() == len(jobs) + len(again)
    assert again == {str(job.args[0]) for job in found(ledger, jobs) if job.attempts[0].error}
    assert not again or how != "once"
    broker.client.close()


def test_behind_the_limit_what_runs_is_put_back_once(settings: Settings, tally: Path) -> None:
    broker, ledger = LabBroker(settings=settings), Ledger()
    jobs = send(broker, 6, 60)
    first = Worker.start(module="some_jobs", threads=2)
    wait_until(lambda: len(begun(tally)) == 2, 20, "two have begun")
    assert not first.stop(timeout=0.5)
    (settings.root / "some_jobs.py").write_text(JOBS.replace("time.sleep(seconds)", "pass"))
    run_the_rest(ledger, len(jobs))
    # What had begun was broken off, and began once more; the others began once.
    assert sorted(begun(tally).values()) == [1, 1, 1, 1, 2, 2]
    assert sum(job.attempts[0].error is not None for job in found(ledger, jobs)) == 2
    broker.client.close()


def run_the_rest(ledger: Ledger, count: int) -> None:
    with Worker.start(module="some_jobs", threads=8):
        wait_until(lambda: ledger.counts()[JobState.COMPLETED] == count, 40, "all are done")
    assert check(ledger) == []
    assert ledger.client.keys("dramatiq:__acks__*") == []


def found(ledger: Ledger, jobs: list[str]) -> list[JobRecord]:
    return [job for job_id in jobs if (job := ledger.job(job_id))]


OWNER = """
import os, sys, time
from labkit.redis_server import find, connect
from labkit.web import WebServer
from labkit.redis_throwaway import ThrowawayRedis
from labkit.worker import Worker
find()
throwaway = ThrowawayRedis().__enter__()
worker = Worker.start(module="some_jobs")
web = WebServer.start()
server = connect().info("server")["process_id"]
print(server, throwaway.pid, web._child.pid, *worker.pids(), flush=True)
time.sleep(600)
"""


@pytest.mark.parametrize(
    "number",
    [
        signal.SIGKILL,
        pytest.param(signal.SIGHUP, marks=pytest.mark.slow),
        pytest.param(signal.SIGTERM, marks=pytest.mark.slow),
        pytest.param(signal.SIGINT, marks=pytest.mark.slow),
    ],
)
def test_nothing_outlives_its_kernel_or_its_terminal(root: Path, number: int) -> None:
    """A kernel that is killed, JupyterLab or a terminal that ends: each ends such a process."""
    (root / "some_jobs.py").write_text(JOBS)
    owner = subprocess.Popen(
        [sys.executable, "-c", OWNER],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        start_new_session=True,
    )
    assert owner.stdout is not None
    try:
        with owner.stdout:
            pids = [int(pid) for pid in owner.stdout.readline().split()]
        assert len(pids) >= 5
        os.killpg(owner.pid, number)
    finally:
        if number != signal.SIGKILL:
            wait_until(lambda: owner.poll() is not None, 20, "its owner has ended")
        owner.kill()
        owner.wait()
    # The private Redis lingers (0.3 s here, a minute else); a worker may finish its jobs.
    wait_until(lambda: [pid for pid in pids if not gone(pid)] == [], 30, "all have ended")
