"""A full disk under Redis, under the private one's folder, and under a worker's log."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from labkit.errors import RedisRefused, RedisUnavailable
from labkit.ledger.check import check
from labkit.ledger.reader import Ledger
from labkit.ledger.records import JobState
from labkit.redis_private import PrivateRedis
from labkit.redis_server import ThrowawayRedis, start_private
from tests.support import gone, wait_until
from tests.support_broken import Hostile
from tests.support_disk import fill, small_disk
from tests.support_jobs import wait_for_state

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    with small_disk(tmp_path / "disk") as disk:
        yield disk


def test_redis_refuses_the_worker_waits_and_nothing_is_lost(disk: Path, tmp_path: Path) -> None:
    """What was accepted is done once there is room; what was not is told to the sender."""
    config = {"dir": str(disk), "auto-aof-rewrite-percentage": "0"}
    with (
        ThrowawayRedis(persist=True, config=config) as server,
        Hostile(server.url, tmp_path) as hostile,
    ):
        accepted = [hostile.send("take", n, delay=1_500) for n in range(20)]
        ballast = fill(disk)
        refused = 0
        with pytest.raises(RedisRefused, match="cannot write to its disk"):
            send_until_refused(hostile, accepted)
        for _ in range(20):
            with pytest.raises(RedisRefused, match="free some space"):
                hostile.send()
            refused += 1
        assert hostile.process.poll() is None
        hostile.board_shows()
        ballast.unlink()

        def all_done() -> bool:
            return all(hostile.state(job_id) is JobState.COMPLETED for job_id in accepted)

        wait_until(all_done, 60, "all that was accepted is done")
        assert hostile.ledger.counts()[JobState.COMPLETED] == len(accepted)
        assert check(hostile.ledger) == []
        hostile.is_well()
        print(f"{len(accepted)} accepted and done, {refused + 1} refused")


def send_until_refused(hostile: Hostile, accepted: list[str]) -> None:
    while True:
        accepted.append(hostile.send("take", "x" * 1_000))


def test_a_private_redis_without_room_for_its_files_says_so(
    disk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LABKIT_REDIS_LINGER", "0.3")
    (disk / "labkit.toml").touch()
    ballast = fill(disk)
    with pytest.raises(RedisUnavailable, match=r"free some space|No space"):
        start_private(disk)
    ballast.unlink()
    found = start_private(disk)
    assert found.source == "private"
    password = (disk / ".labkit" / "redis.password").read_text()
    assert len(password) > 30
    with Ledger(found.url).client as client:
        pid = int(client.info("server")["process_id"])
    PrivateRedis(disk / ".labkit").release()
    wait_until(lambda: gone(pid), 15, "the server has stopped")


def test_a_worker_whose_log_has_no_room_goes_on(disk: Path, redis_url: str) -> None:
    with Hostile(redis_url, disk) as hostile:
        ballast = fill(disk)
        failing = [hostile.send("fail") for _ in range(50)]  # each writes a traceback
        well = [hostile.send("take", n) for n in range(50)]
        for job_id in failing:
            wait_for_state(hostile.ledger, job_id, JobState.DEAD)
        for job_id in well:
            wait_for_state(hostile.ledger, job_id, JobState.COMPLETED)
        ballast.unlink()
        hostile.is_well()
