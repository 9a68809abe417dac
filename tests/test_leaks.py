"""Started and stopped again and again: no connection, thread, file or folder stays behind."""

from __future__ import annotations

import gc
import os
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from labkit import database
from labkit.actors import actor
from labkit.broker import LabBroker
from labkit.ledger.reader import Ledger
from labkit.ledger.records import JobState
from labkit.models import Task
from labkit.redis_server import ThrowawayRedis
from labkit.web import WebServer
from labkit.widgets import JobBoard
from labkit.worker import Worker
from tests.support import wait_until
from tests.support_jobs import running_worker, wait_for_state

if TYPE_CHECKING:
    from labkit.settings import Settings

TIMES = [
    pytest.param(20, id="20 times"),
    pytest.param(1_000, marks=[pytest.mark.slow, pytest.mark.timeout(1_800)], id="1,000 times"),
]
PROCESSES = [
    pytest.param(2, marks=pytest.mark.slow, id="twice"),
    pytest.param(100, marks=[pytest.mark.slow, pytest.mark.timeout(1_800)], id="100 times"),
]


class Held:
    """What this process holds, and what it has at one server."""

    def __init__(self, folder: Path, url: str) -> None:
        self.folder = folder
        self.ledger = Ledger(url)

    def now(self) -> dict[str, int]:
        gc.collect()
        open_files = Path("/dev/fd" if not Path("/proc/self/fd").exists() else "/proc/self/fd")
        return {
            "connections": len(self.ledger.client.client_list()),
            "threads": threading.active_count(),
            "files": len(list(open_files.iterdir())),
            "temporary": len(list(self.folder.iterdir())),
        }


@pytest.fixture
def held(tmp_path: Path, redis_url: str, monkeypatch: pytest.MonkeyPatch) -> Held:
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return Held(folder, redis_url)


def repeat(held: Held, times: int, once: Callable[[], None]) -> None:
    """As much is held after ``times`` as after the first, which may import and connect."""
    once()
    before = held.now()
    for _ in range(times):
        once()
    wait_until(
        lambda: all(now <= before[what] for what, now in held.now().items()),
        20,
        f"after {times} times no more than {before} is held, and not {held.now()}",
    )
    print(f"{times} starts and stops: {held.now()}")


@pytest.mark.parametrize("times", TIMES)
def test_workers_boards_and_sessions(held: Held, tables: None, redis_url: str, times: int) -> None:
    def once() -> None:
        broker, ledger = LabBroker(url=redis_url), Ledger(redis_url)
        board = JobBoard(redis_url)
        work = actor(broker=broker, actor_name="work")(int)
        with running_worker(broker, timeout=10):
            wait_for_state(ledger, work.send().message_id, JobState.COMPLETED)
            wait_until(lambda: board._whole.get("counts", {}).get("completed"))
        with database.session() as db:
            db.add(Task(title="one"))
        database.close()
        board.close()
        ledger.client.close()
        broker.close()
        broker.client.connection_pool.disconnect()

    repeat(held, times, once)


@pytest.mark.parametrize("times", PROCESSES)
def test_processes_that_are_started(
    held: Held, settings: Settings, tables: None, times: int
) -> None:
    (settings.root / "some_jobs.py").write_text("from labkit import actor")

    def once() -> None:
        with ThrowawayRedis() as server, server.client() as client, WebServer.start():
            client.ping()
            worker = Worker.start(module="some_jobs")
            os.kill(worker.pid, 0)
            worker.kill()

    repeat(held, times, once)
    assert list(settings.state_dir.glob("web-*")) == []
