"""The workers that a board lists: their memory, and what can be done with each."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from labkit.broker import LabBroker
from labkit.errors import WorkerError
from labkit.ledger import processes
from labkit.ledger.reader import Ledger
from labkit.widgets import JobBoard
from labkit.worker import Worker
from tests.support import wait_until
from tests.support_jobs import running_worker
from tests.support_widgets import FakePage

if TYPE_CHECKING:
    from collections.abc import Iterator

    from labkit.settings import Settings


@pytest.fixture
def page(settings: Settings) -> Iterator[FakePage]:
    board = JobBoard(limit=3)
    page = FakePage(board)
    page.ask(kind="look", crew=True)
    yield page
    board.close()


def crew(page: FakePage) -> list[dict[str, Any]]:
    return list(page.view["crew"].values())


def press(page: FakePage, action: str, worker: str) -> dict[str, Any]:
    page.ask(kind="act", action=action, worker=worker)
    page.wait_until(lambda view: view["acted"].get(page.name) == page.asked)
    said: dict[str, Any] = page.view["said"]
    return said


def test_a_worker_is_quieted_goes_on_and_is_stopped_from_the_board(page: FakePage) -> None:
    with Worker.start(threads=1) as worker:
        page.wait_until(lambda view: len(view["crew"]) == 1)
        [shown] = crew(page)
        address = shown["address"]
        assert 20 < shown["memory"] < 400
        assert shown["here"]
        said = press(page, "quiet", address)
        assert (said["text"], said["line"]) == (
            f"{address} takes no more jobs",
            f'Ledger().quiet("{address}")',
        )
        page.wait_until(lambda _: crew(page)[0]["quiet"])
        assert press(page, "resume", address)["line"] == f'Ledger().quiet("{address}", quiet=False)'
        page.wait_until(lambda _: not crew(page)[0]["quiet"])
        assert press(page, "stop", address)["line"] == f'Ledger().stop("{address}")'
        wait_until(lambda: not worker.running, 15, "its main process has ended, too")
        page.wait_until(lambda view: view["crew"] == {}, 10)


def test_kill_ends_all_processes_of_its_command(page: FakePage) -> None:
    with Worker.start(processes=2, threads=1) as worker:
        page.wait_until(lambda view: len(view["crew"]) == 2)
        assert len(worker.pids()) >= 3
        address = crew(page)[0]["address"]
        assert press(page, "kill", address)["text"] == f"{address} was killed"
        wait_until(lambda: not worker.pids(), 5, "none of them is left")


def test_a_worker_in_this_very_process_is_not_ended(page: FakePage, redis_url: str) -> None:
    broker = LabBroker(url=redis_url)
    broker.declare_queue("default")
    with running_worker(broker):
        page.wait_until(lambda view: len(view["crew"]) == 1)
        [shown] = crew(page)
        assert not shown["here"]
        for action in ("stop", "kill"):
            said = press(page, action, shown["address"])
            assert said["failed"]
            assert "a thread of this process" in said["text"]
    broker.client.close()


def test_only_the_process_that_wrote_the_card_is_ended(settings: Settings) -> None:
    with Worker.start(threads=1) as worker:
        [card] = Ledger().workers()
        assert processes.can_end(card)
        # Another host's worker, and an earlier one whose number the system has given again.
        for other in (
            replace(card, host="elsewhere"),
            replace(card, since=card.since - timedelta(minutes=1)),
        ):
            assert not processes.can_end(other)
            assert processes.memory(other) is None
            with pytest.raises(WorkerError, match="on another machine"):
                processes.end(other, kill=True)
        assert worker.running
    processes.end(card, kill=True)  # it has gone: nothing is to be done


@pytest.mark.parametrize(
    "message", [{"worker": 7}, {"worker": ""}, {"worker": "x" * 201}, {"worker": "nobody:1"}]
)
@pytest.mark.parametrize("action", ["kill", "cancel", ""])
def test_what_makes_no_sense_is_refused(page: FakePage, action: str, message: Any) -> None:
    assert press(page, action, **message)["failed"]


def test_actions_that_there_are_not(page: FakePage) -> None:
    with pytest.raises(ValueError, match="quiet, resume, stop, kill"):
        page.widget.act_on_worker("reschedule", "host:1")  # type: ignore[attr-defined]
    with pytest.raises(WorkerError, match="no labkit worker"):
        Ledger().kill("nobody:1")


def test_without_psutil_it_says_what_to_install(redis_url: str) -> None:
    code = (
        "import sys; sys.modules['psutil'] = None\n"
        "from labkit import Ledger\n"
        f"Ledger({redis_url!r}).stop('vm:1')"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert "WorkerError: to end a worker takes psutil: pip install 'labkit[lab]'" in done.stderr
