"""Beside a board's jobs: why one waits, the keys that hold it, the workers and what they run."""

from __future__ import annotations

import json
import threading
from typing import TYPE_CHECKING, Any

import dramatiq
import pytest
from dramatiq import Message

from labkit.broker import LabBroker
from labkit.ledger.reader import Ledger
from labkit.ledger.records import JobState
from labkit.widgets import JobBoard
from tests.support_jobs import quick_retries, running_worker, wait_for_state
from tests.support_widgets import FakePage

if TYPE_CHECKING:
    from collections.abc import Iterator

SECRET = 'hunter2-ünd-"more"'


@pytest.fixture
def page(redis_url: str) -> Iterator[FakePage]:
    board = JobBoard(redis_url, limit=5)
    page = FakePage(board)
    page.wait_until(lambda view: view["counts"])
    yield page
    board.close()


def send(broker: LabBroker, *args: Any, queue: str = "default", **kwargs: Any) -> str:
    return broker.enqueue(Message(queue, "works", args, kwargs, {})).message_id


def test_an_opened_job_says_why_it_waits_and_what_holds_it(
    page: FakePage, broker: LabBroker
) -> None:
    first, second = send(broker, 1), send(broker, 2)
    page.ask(kind="look", job=second)
    assert page.view["job"]["why"] == "no worker runs"
    keys = {command.split(" ")[1]: value for command, value, _ in page.view["job"]["keys"]}
    assert keys["dramatiq:default"] == "2", "LPOS and LLEN: the last said is how many wait"
    assert json.loads(keys["dramatiq:default.msgs"])["args"] == [2]
    assert keys["dramatiq:__ledger__.jobs"].startswith("enqueued ")
    page.ask(kind="look", job=first)
    assert [value for command, value, _ in page.view["job"]["keys"] if "LPOS" in command] == ["0"]


def test_a_row_says_shortly_that_no_worker_takes_it(page: FakePage, broker: LabBroker) -> None:
    broker.declare_queue("default")
    mail = send(broker, queue="mail")
    page.wait_until(lambda view: mail in view["rows"])
    assert "waits" not in page.view["rows"][mail], "no worker at all is the board's own line"
    with running_worker(broker):
        page.wait_until(lambda view: view["rows"][mail]["waits"] == "no worker for mail", 10)


def test_no_secret_is_in_any_key(page: FakePage, broker: LabBroker, redis_url: str) -> None:
    """Masked are named arguments, positional ones of a known actor, and both in tracebacks."""

    @dramatiq.actor(broker=broker)
    def works(password: str, **others: Any) -> None:
        raise ValueError(f"cannot log in with {password} or {others}")

    dramatiq.set_broker(broker)
    quick_retries(broker, max_retries=1)
    kwargs = {"api_token": SECRET + "2", "url": f"redis://me:{'pw' * 6}@host/0", "pin": 48151623}
    job = send(broker, SECRET, **kwargs)
    page.ask(kind="look", job=job)
    assert "•••" in str(page.view["job"]["keys"])
    with running_worker(broker):
        wait_for_state(Ledger(redis_url), job, JobState.DEAD)
        page.wait_until(lambda view: view["job"]["state"] == "dead")
    assert any(command.startswith("HGET dramatiq:default.XQ") for command, *_ in keys_of(page))
    told = json.dumps(page.news, ensure_ascii=False)
    assert len(told) > 1_000
    for secret in ("hunter2", "pwpw", "48151623"):
        assert secret not in told


def keys_of(page: FakePage) -> list[list[str]]:
    keys: list[list[str]] = page.view["job"]["keys"]
    return keys


def test_what_is_no_json_is_not_shown(page: FakePage, broker: LabBroker) -> None:
    job = send(broker, 1)
    [name] = broker.client.hkeys("dramatiq:default.msgs")
    broker.client.hset("dramatiq:default.msgs", name, b"\x80\x04hunter2")
    page.ask(kind="look", job=job)
    assert "hunter2" not in str(page.view)
    assert "no JSON" in str(keys_of(page))


def test_the_workers_and_what_they_run(page: FakePage, broker: LabBroker) -> None:
    gate = threading.Event()

    @dramatiq.actor(broker=broker)
    def works(number: int) -> None:
        gate.wait(10)

    assert "crew" not in page.view
    page.ask(kind="look", crew=True)
    assert page.view["crew"] == {}
    job = send(broker, 7)
    with running_worker(broker):
        page.wait_until(lambda view: view["crew"][broker.broker_id]["jobs"].keys() == {job}, 10)
        shown = page.view["crew"][broker.broker_id]
        assert (shown["threads"], shown["queues"], shown["quiet"]) == (2, "default", False)
        assert shown["address"] == broker.worker_name
        assert shown["jobs"][job]["arguments"] == "7"
        gate.set()
        page.wait_until(lambda view: view["crew"][broker.broker_id]["jobs"] == {})
    page.ask(kind="look", crew=False)
    assert "crew" not in page.view
