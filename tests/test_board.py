"""The board without a browser: what it shows of real jobs, and what a page can make it do."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

import dramatiq
import pytest
from dramatiq import Message
from jupyter_client.manager import start_new_kernel

from labkit.broker import LabBroker
from labkit.errors import ConfigurationError
from labkit.ledger.records import JobState
from labkit.redis_server import ThrowawayRedis
from labkit.widgets import JobBoard
from tests.support import wait_until
from tests.support_jobs import quick_retries, running_worker
from tests.support_widgets import FakePage

if TYPE_CHECKING:
    from pathlib import Path

SECRET = "hunter2-very-secret"


def send(broker: LabBroker, *args: Any, delay: int | None = None, **kwargs: Any) -> str:
    message: Message[Any] = Message("default", "task_logger", args, kwargs, {})
    return broker.enqueue(message, delay=delay).message_id


def shows(page: FakePage, job_id: str, state: str) -> None:
    page.wait_until(lambda view: view["rows"][job_id]["state"] == state)


def test_a_jobs_way_is_shown_in_one_row(page: FakePage, broker: LabBroker) -> None:
    @dramatiq.actor(broker=broker)
    def task_logger(task_id: int) -> None: ...

    job_id = send(broker, 7)
    shows(page, job_id, "enqueued")
    assert page.view["order"] == [job_id]
    assert page.view["counts"]["enqueued"] == 1
    with running_worker(broker):
        shows(page, job_id, "completed")
    row = page.view["rows"][job_id]
    assert (row["actor"], row["arguments"], row["queue"]) == ("task_logger", "7", "default")
    assert row["enqueued"] <= row["started"] <= row["finished"]
    assert page.view["counts"]["completed"] == 1


def test_a_failing_job_shows_its_error_and_every_attempt(page: FakePage, broker: LabBroker) -> None:
    @dramatiq.actor(broker=broker)
    def task_logger(password: str) -> None:
        raise ValueError(f"cannot log in with {password}\nand more")

    quick_retries(broker, max_retries=1)
    job_id = send(broker, password=SECRET)
    page.ask(kind="look", job=job_id)
    with running_worker(broker):
        shows(page, job_id, "dead")
    page.wait_until(lambda view: len(view["job"].get("tries", [])) == 2)
    assert page.view["rows"][job_id]["error"] == "ValueError: cannot log in with •••"
    tries = page.view["job"]["tries"]
    assert all("Traceback" in one["traceback"] and one["worker"] for one in tries)
    assert SECRET not in json.dumps(page.news)


def test_scheduled_jobs_come_by_their_time(page: FakePage, broker: LabBroker) -> None:
    late, soon = send(broker, 1, delay=90_000), send(broker, 2, delay=30_000)
    page.ask(kind="look", tab="scheduled", offset=0)
    page.wait_until(lambda view: view["order"] == [soon, late])
    assert page.view["rows"][soon]["eta"] > page.view["clock"]


def test_pages_of_a_long_list(page: FakePage, broker: LabBroker, board: JobBoard) -> None:
    for number in range(12):
        send(broker, number)
    page.ask(kind="look", tab="enqueued", offset=10)
    assert (page.view["tab"], page.view["total"], len(page.view["order"])) == ("enqueued", 12, 2)
    board.show("enqueued", offset=5)
    page.wait_until(lambda view: view["offset"] == 5 and len(view["order"]) == 5)
    assert set(page.view["rows"]) == set(page.view["order"]), "rows that left are dropped"
    board.show()
    page.wait_until(lambda view: view["tab"] == "recent")


def test_a_job_is_opened_and_closed(page: FakePage, broker: LabBroker, board: JobBoard) -> None:
    job_id = send(broker, "x" * 500)
    page.ask(kind="look", job=job_id)
    assert len(page.view["job"]["arguments"]) > 500
    page.ask(kind="look", job="no-such-job")
    assert page.view["job"] == {"id": "no-such-job", "gone": True}
    page.ask(kind="look", job="")
    assert "job" not in page.view
    board.inspect(job_id)
    page.wait_until(lambda view: view["job"]["id"] == job_id)


@pytest.mark.parametrize(
    "message",
    [
        {"tab": "finished"},
        {"tab": ["running"]},
        {"offset": -1},
        {"offset": "1; FLUSHALL"},
        {"offset": 1e300},
        {"job": {"$ne": ""}},
        {"job": None},
    ],
)
def test_a_wish_that_makes_no_sense_changes_nothing(page: FakePage, message: Any) -> None:
    before = page.view
    page.ask(kind="look", **message)
    assert {**page.view, "answered": 0, "clock": 0} == {**before, "answered": 0, "clock": 0}


def test_no_secret_reaches_a_page(
    broker: LabBroker, throwaway_redis: ThrowawayRedis, redis_url: str
) -> None:
    send(broker, f"redis://:{SECRET}@host", token=SECRET, headers={"Authorization": SECRET})
    with ThrowawayRedis(password=SECRET) as guarded:
        for url in (redis_url, guarded.url):
            board = JobBoard(url)
            page = FakePage(board)
            page.wait_until(lambda view: view["counts"])
            said = json.dumps([board.get_state(), page.view, page.news, repr(board)], default=repr)
            assert SECRET not in said
            assert SECRET not in board.snapshot().html
            board.close()


def test_nobody_looks_and_nobody_watches() -> None:
    with ThrowawayRedis() as server, server.client() as own:

        def connected() -> int:
            return len(own.client_list())

        before = connected()
        board = JobBoard(server.url)
        page = FakePage(board)
        page.wait_until(lambda view: view["counts"])
        assert connected() > before
        page.send(kind="seen", visible=False)
        wait_until(lambda: connected() <= before, 3, "a hidden board holds no connection")
        page.ask(kind="seen", visible=True)
        assert connected() > before
        board.close()
        wait_until(lambda: connected() <= before, 3, "a closed one neither")


def test_stale_and_healed(page: FakePage) -> None:
    with ThrowawayRedis(persist=True) as server:
        board = JobBoard(server.url)
        own = FakePage(board)
        own.wait_until(lambda view: view["live"])
        server.kill()
        own.wait_until(lambda view: view["live"] is False, 2)
        assert time.time() * 1000 - own.view["since"] < 3_000
        assert "does not answer" in own.view["why"]
        server.restart()
        own.wait_until(lambda view: view["live"], 2)
        assert "since" not in own.view
        board.close()


def test_what_was_hidden_meanwhile_is_stale_since_it_was_seen() -> None:
    with ThrowawayRedis() as server:
        board = JobBoard(server.url)
        own = FakePage(board)
        own.wait_until(lambda view: view["live"])
        own.send(kind="seen", visible=False)
        left = time.time()
        server.kill()
        own.send(kind="seen", visible=True)
        own.wait_until(lambda view: view["live"] is False)
        assert own.view["since"] <= round(left * 1000)
        board.close()


def test_who_waits_for_a_worker_that_is_not_there(
    settings: Any, broker: LabBroker, redis_url: str
) -> None:
    board = JobBoard()
    page = FakePage(board)
    send(broker, 7)
    page.wait_until(lambda view: view["order"])
    assert page.view["hint"] == "no worker runs: start one, and it takes what waits"

    @dramatiq.actor(broker=broker)
    def another() -> None: ...

    dramatiq.set_broker(broker)
    with running_worker(broker, threads=3):
        broker.emit_after("worker_boot", dramatiq.Worker(broker, worker_threads=3))
        broker.client.zadd("dramatiq:__heartbeats__", {broker.broker_id: time.time() * 1000})
        send(broker, 8, delay=60_000)
        page.wait_until(lambda view: view["hint"].startswith("no worker knows task_logger"))
    board.close()


def test_a_board_of_another_place_reads_nothing_of_ours(root: Path, redis_url: str) -> None:
    (root / "labkit.toml").write_text("this is no TOML")
    board = JobBoard(redis_url, "elsewhere")
    page = FakePage(board)
    page.wait_until(lambda view: view["counts"])
    assert page.view["place"] == {"namespace": "elsewhere", "address": redis_url}
    assert not (root / ".labkit").exists()
    board.close()
    with pytest.raises(ConfigurationError, match="TOML"):
        JobBoard()


def test_wrong_arguments_are_refused(redis_url: str) -> None:
    with pytest.raises(ConfigurationError, match="looks like"):
        JobBoard("http://:" + SECRET + "@localhost")
    with pytest.raises(ValueError, match="1 to 100"):
        JobBoard(redis_url, limit=0)
    with pytest.raises(ValueError, match="not a valid JobState"):
        JobBoard(redis_url, state="finished")
    board = JobBoard(redis_url, state=JobState.DEAD)
    assert FakePage(board).view["tab"] == "dead"
    with pytest.raises(ValueError, match="counts from 0"):
        board.show("dead", offset=-1)
    board.close()


def test_what_is_stored_of_a_board_is_always_the_same(settings: Any, broker: LabBroker) -> None:
    bundles = []
    for _ in range(2):
        send(broker)
        board = JobBoard()
        FakePage(board).wait_until(lambda view: view["counts"])
        bundle: Any = board._repr_mimebundle_()
        data = dict(bundle[0] if isinstance(bundle, tuple) else bundle)
        data.pop("application/vnd.jupyter.widget-view+json")
        bundles.append(data)
        board.close()
    assert bundles[0] == bundles[1]
    assert bundles[0]["text/plain"] == "JobBoard(namespace='dramatiq')"
    assert "<style" not in bundles[0]["text/html"]


RERUN = """
from labkit.widgets import JobBoard, TaskForm, Timeline, WorkerPanel
board, timeline, panel, form = JobBoard({url!r}), Timeline(url={url!r}), WorkerPanel(), TaskForm()
board
"""
COUNT = """
import gc, threading, ipywidgets.widgets.widget as w
gc.collect()
len(w._instances), sum("labkit" in t.name for t in threading.enumerate())
"""


@pytest.mark.timeout(900)
@pytest.mark.parametrize("times", [100, pytest.param(1_000, marks=pytest.mark.slow)])
def test_a_cell_that_runs_again_leaves_nothing(
    times: int, redis_url: str, throwaway_redis: ThrowawayRedis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PYTEST_CURRENT_TEST")
    own = throwaway_redis.client()
    before = len(own.client_list())
    manager, client = start_new_kernel(kernel_name="python3")

    def run(code: str) -> str:
        shown: list[str] = []

        def take(message: dict[str, Any]) -> None:
            if message["msg_type"] in ("execute_result", "error"):
                shown.append(str(message["content"]))

        client.execute_interactive(code, timeout=30, output_hook=take)
        return shown[-1]

    try:
        run(RERUN.format(url=redis_url))
        wait_until(lambda: "(8, 4)" in run(COUNT), 5, "two watchers, each with its follower")
        for _ in range(times):
            run(RERUN.format(url=redis_url))
        wait_until(lambda: "(8, 4)" in run(COUNT), 5, "as many as after one run")
        assert len(own.client_list()) - before <= 6
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)
