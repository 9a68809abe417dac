"""The worker panel: its buttons do what they say, and its window shows what the worker writes."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import psutil
import pytest
from dramatiq import Message

from labkit.broker import LabBroker
from labkit.errors import WorkerError
from labkit.ledger.reader import Ledger
from labkit.ledger.records import JobState
from labkit.redis_server import ThrowawayRedis
from labkit.widgets import WorkerPanel
from labkit.worker import Worker
from tests.support import gone, wait_until
from tests.support_jobs import wait_for_state
from tests.support_widgets import FakePage

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from labkit.settings import Settings

JOBS = """
import os
import time
from labkit import actor
print("\\x1b[32mloaded\\x1b[0m and password=hunter2")

@actor
def nothing(): ...

@actor
def waits(gate, password="none"):
    while not os.path.exists(gate):
        time.sleep(0.01)
"""


@pytest.fixture
def panel(settings: Settings) -> Iterator[WorkerPanel]:
    (settings.root / "some_jobs.py").write_text(JOBS)
    panel = WorkerPanel(module="some_jobs")
    yield panel
    panel.kill()
    panel.close()
    wait_until(lambda: not panel_threads(), description="the panel's threads end")


def panel_threads() -> list[str]:
    names = ("labkit-button", "labkit-worker-window", "labkit-worker-end")
    return [thread.name for thread in threading.enumerate() if thread.name in names]


def text_of(page: FakePage) -> str:
    return "\n".join("".join(text for _, text in line) for line in page.view["lines"].values())


def test_from_start_to_kill_by_the_buttons(panel: WorkerPanel) -> None:
    page = FakePage(panel)
    assert page.view["state"] == "none"
    assert panel.worker is None
    page.send(kind="start", ask=["page1", 1])
    assert page.view["doing"] == "start", "said at once, and done behind it"
    page.wait_until(lambda view: view["answered"] == {"page1": 1}, 30)
    assert "doing" not in page.view
    worker = panel.worker
    assert worker is not None
    assert worker.running
    assert (page.view["state"], page.view["pid"]) == ("running", worker.pid)
    page.wait_until(lambda _: "ready for action" in text_of(page))
    page.asked = 1
    page.ask(kind="kill")
    assert not worker.running
    page.wait_until(lambda view: view["state"] == "ended")
    assert "ready for action" in text_of(page), "its last words stay"


def test_the_same_from_python(panel: WorkerPanel) -> None:
    page = FakePage(panel)
    worker = panel.start()
    assert panel.start() is worker, "it runs already"
    assert page.view["state"] == "running"
    panel.stop()
    assert page.view["state"] == "ended"
    page.wait_until(lambda _: "shut down" in text_of(page))
    assert panel.start() is not worker
    assert "shut down" not in text_of(page), "a new worker, a new window"


def test_its_window_has_colours_and_no_secrets(panel: WorkerPanel) -> None:
    page = FakePage(panel)
    panel.start()
    page.wait_until(lambda _: "loaded" in text_of(page))
    pieces = [piece for line in page.view["lines"].values() for piece in line]
    assert ["green", "loaded"] in pieces
    assert "hunter2" not in text_of(page)
    assert "\x1b" not in text_of(page)


def test_each_process_its_memory_and_what_it_runs(
    panel: WorkerPanel, broker: LabBroker, root: Path
) -> None:
    # Given a worker with a job in one of its threads
    page = FakePage(panel)
    assert page.view["processes"] == {}
    worker = panel.start()
    gate = root / "gate"
    kwargs = {"password": "hunter2"}
    job = broker.enqueue(Message("default", "waits", (str(gate),), kwargs, {}))
    # Then the panel shows its processes: the main one, and one that has threads and the job
    page.wait_until(lambda view: view["jobs"], 10)
    [pid] = page.view["jobs"]
    assert int(pid) in worker.pids()
    assert page.view["jobs"][pid][job.message_id]["actor"] == "waits"
    assert "hunter2" not in str(page.view)
    page.wait_until(lambda view: pid in view["cards"], 2)
    assert page.view["cards"][pid] == {"threads": 2, "queues": "default", "quiet": False}
    page.wait_until(lambda view: pid in view["processes"])
    processes = page.view["processes"]
    assert processes[str(worker.pid)]["first"] is True
    assert processes[pid]["first"] is False
    real = psutil.Process(int(pid)).memory_info().rss / 2**20
    assert real / 2 < processes[pid]["memory"] < real * 2
    # When the job is over it is shown no more, and with the worker its processes are gone
    gate.touch()
    page.wait_until(lambda view: not view["jobs"])
    panel.stop()
    page.wait_until(lambda view: not view["processes"])


def test_quiet_it_finishes_and_takes_no_more_until_it_may(
    panel: WorkerPanel, broker: LabBroker, root: Path
) -> None:
    page = FakePage(panel)
    panel.start()
    gate = root / "gate"
    first = broker.enqueue(Message("default", "waits", (str(gate),), {}, {}))
    page.wait_until(lambda view: view["jobs"], 10)
    page.ask(kind="quiet")
    page.wait_until(lambda view: all(card["quiet"] for card in view["cards"].values()))
    second = broker.enqueue(Message("default", "nothing", (), {}, {}))
    ledger = Ledger()
    gate.touch()
    wait_for_state(ledger, first.message_id, JobState.COMPLETED)
    assert ledger.job(second.message_id).state is JobState.ENQUEUED  # type: ignore[union-attr]
    page.ask(kind="resume")
    wait_for_state(ledger, second.message_id, JobState.COMPLETED)
    page.wait_until(lambda view: not any(card["quiet"] for card in view["cards"].values()))


def test_quiet_without_a_worker_says_so(settings: Settings) -> None:
    panel = WorkerPanel()
    page = FakePage(panel)
    page.ask(kind="quiet")
    assert "start one first" in page.view["problem"]
    panel.close()


def test_without_redis_what_runs_is_stale(settings: Settings) -> None:
    with ThrowawayRedis() as server:
        panel = WorkerPanel(env={"REDIS_URL": server.url})
        page = FakePage(panel)
        page.wait_until(lambda view: view["live"])
        server.kill()
        page.wait_until(lambda view: view["live"] is False)
        assert page.view["since"] > 0
        assert page.view["state"] == "none"
        panel.close()


def test_a_worker_that_dies_by_itself_is_seen(panel: WorkerPanel) -> None:
    page = FakePage(panel)
    panel.start().kill()
    page.wait_until(lambda view: view["state"] == "ended")


def test_a_worker_that_does_not_start_says_why(settings: Settings) -> None:
    panel = WorkerPanel(module="no_such_module")
    page = FakePage(panel)
    page.send(kind="start", ask=["page1", 1])
    page.wait_until(lambda view: view["problem"], 30)
    assert "no_such_module" in page.view["problem"]
    assert page.view["answered"] == {"page1": 1}
    with pytest.raises(WorkerError):
        panel.start()
    panel.stop()
    panel.kill()
    panel.close()


def test_closing_ends_its_own_worker_and_no_other(panel: WorkerPanel, settings: Settings) -> None:
    own = panel.start()
    other = WorkerPanel(own)
    assert FakePage(other).view["pid"] == own.pid
    other.close()
    assert own.running, "it was given this one"
    panel.close()
    wait_until(lambda: gone(own.pid), 10, "it had started this one")
    assert isinstance(own, Worker)


def test_what_is_stored_is_always_the_same(panel: WorkerPanel) -> None:
    assert repr(panel) == "WorkerPanel()"
    assert "worker panel" in panel._stands_in
