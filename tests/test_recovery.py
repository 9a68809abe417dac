"""Recovery: what a dead worker held comes back, and what a live one holds does not."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from labkit.ledger.check import check
from labkit.ledger.reader import Ledger
from labkit.ledger.records import JobState
from labkit.redis_server import ThrowawayRedis
from tests import recovery_app
from tests.support import wait_until
from tests.support_jobs import running_worker, wait_for_state

ROOT = Path(__file__).parents[1]


class WorkerProcess:
    """A plain ``dramatiq`` of one process, to be killed; its tally is a file of lines."""

    def __init__(self, url: str, tally: Path, threads: int = 1) -> None:
        environment = os.environ | {
            "RECOVERY_URL": url,
            "RECOVERY_TALLY": str(tally),
            "PYTHONPATH": str(ROOT),
        }
        command = [sys.executable, "-m", "dramatiq", "tests.recovery_app", "-p", "1"]
        self.process = subprocess.Popen(
            [*command, "-t", str(threads)],
            env=environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )

    def signal(self, number: int) -> None:
        os.killpg(self.process.pid, number)

    def kill(self) -> None:
        if self.process.poll() is None:
            self.signal(signal.SIGKILL)
        self.process.wait()


@pytest.fixture
def tally(tmp_path: Path, redis_url: str, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "tally"
    path.touch()
    monkeypatch.setenv("RECOVERY_TALLY", str(path))
    recovery_app.use(redis_url)
    return path


@pytest.fixture
def workers(redis_url: str, tally: Path) -> Iterator[list[WorkerProcess]]:
    started: list[WorkerProcess] = []
    yield started
    for worker in started:
        worker.kill()


def lines(tally: Path) -> list[str]:
    return tally.read_text().split()


def test_jobs_of_a_killed_worker_are_back_and_marked(
    redis_url: str, tally: Path, workers: list[WorkerProcess]
) -> None:
    ledger = Ledger(redis_url)
    slow = recovery_app.tell_and_wait.send("slow", 60)
    recovery_app.tell.send("waiting")
    workers.append(WorkerProcess(redis_url, tally))
    wait_for_state(ledger, slow.message_id, JobState.RUNNING)
    workers.append(WorkerProcess(redis_url, tally, threads=2))
    wait_until(lambda: len(recovery_app.worker_cards()) == 2, 10, "the second worker is up")

    workers[0].kill()
    wait_until(lambda: lines(tally).count("slow") == 2, 15, "the job runs again")
    job = wait_for_state(ledger, slow.message_id, JobState.RUNNING)
    assert job.times_lost == 1
    assert [attempt.error for attempt in job.attempts] == [
        "WorkerLost: the worker died while it ran this job"
    ]
    wait_until(lambda: "waiting" in lines(tally), 10, "the prefetched one has run")
    assert check(ledger) == []


def test_a_poison_job_dies_and_none_of_its_hundred_neighbours(
    redis_url: str, tally: Path, workers: list[WorkerProcess], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("dramatiq_queue_prefetch", "101")
    ledger = Ledger(redis_url)
    poison = recovery_app.poison.send()
    neighbours = recovery_app.tell.send_many([(f"n{n}",) for n in range(100)])

    def keep_one_alive() -> bool:
        if not workers or workers[-1].process.poll() is not None:
            workers.append(WorkerProcess(redis_url, tally))
        job = ledger.job(poison.message_id)
        return job is not None and job.state is JobState.DEAD

    wait_until(keep_one_alive, 60, "the poison job is dead")
    job = ledger.job(poison.message_id)
    assert job is not None
    assert "its worker died in 2 of 2 allowed attempts" in (job.error or "")
    wait_until(lambda: ledger.counts()[JobState.COMPLETED] == 100, 20, "all neighbours have run")
    assert ledger.counts()[JobState.DEAD] == 1
    told = lines(tally)
    assert {f"n{n}" for n in range(100)} <= set(told)
    # One unwritten start, and the two that max_retries=1 allows.
    assert told.count("poison") == 3
    assert len(neighbours) == 100


def test_a_worker_that_is_stopped_or_holds_the_gil_is_not_dead(
    redis_url: str, tally: Path, workers: list[WorkerProcess]
) -> None:
    ledger = Ledger(redis_url)
    slow = recovery_app.tell_and_wait.send("slow", 60)
    workers.append(WorkerProcess(redis_url, tally))
    wait_for_state(ledger, slow.message_id, JobState.RUNNING)
    workers.append(WorkerProcess(redis_url, tally))
    wait_until(lambda: len(recovery_app.worker_cards()) == 2, 10, "the second worker is up")
    workers[0].signal(signal.SIGSTOP)
    try:
        silence = 4_500  # more than SUSPECT_MILLIS, so it has been looked at
        wait_until(lambda: recovery_app.longest_silence() > silence, 15, "it has been silent")
        assert lines(tally).count("slow") == 1
        assert len(recovery_app.worker_cards()) == 2
    finally:
        workers[0].signal(signal.SIGCONT)
    assert (ledger.job(slow.message_id) or slow).state is JobState.RUNNING  # type: ignore[union-attr]


@pytest.mark.allow_critical
def test_redis_stopped_and_started_again(tmp_path: Path) -> None:
    # "everysec" may hold a write back for two seconds while the disk is busy, and a kill loses it.
    with ThrowawayRedis(persist=True, config={"appendfsync": "always"}) as server:
        recovery_app.use(server.url)
        ledger = Ledger(server.url)
        with running_worker(recovery_app.broker(), threads=2):
            os.environ["RECOVERY_TALLY"] = str(tmp_path / "tally")
            first = recovery_app.tell.send("before")
            wait_for_state(ledger, first.message_id, JobState.COMPLETED)
            later = recovery_app.tell.send_with_options(args=("later",), delay=1_500)
            server.kill()
            server.restart()
            second = recovery_app.tell.send("after")
            wait_for_state(ledger, second.message_id, JobState.COMPLETED)
            wait_for_state(ledger, later.message_id, JobState.COMPLETED)
        assert check(ledger) == []


def test_a_worker_is_known_again_after_all_was_cleared(redis_url: str, tally: Path) -> None:
    with running_worker(recovery_app.broker()):
        assert len(recovery_app.worker_cards()) == 1
        Ledger(redis_url).clear()
        wait_until(lambda: len(recovery_app.worker_cards()) == 1, 10, "its card is back")
