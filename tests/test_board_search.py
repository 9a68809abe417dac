"""The board's search without a browser: what is found, how far it is, and what must not be."""

from __future__ import annotations

import json
import threading
from typing import Any

import dramatiq
import pytest
from dramatiq import Message

from labkit.broker import LabBroker
from labkit.ledger import search as module
from labkit.ledger.reader import Ledger
from labkit.widgets import JobBoard, finding
from tests.support_jobs import running_worker
from tests.support_widgets import FakePage

SECRET = "hunter2-very-secret"


def send(broker: LabBroker, *args: Any, queue: str = "default", **how: Any) -> str:
    delay = how.pop("delay", None)
    return broker.enqueue(Message(queue, "work", args, how, {}), delay=delay).message_id


def send_many(broker: LabBroker, many: int) -> list[str]:
    messages: list[Message[Any]] = [
        Message("default", "work", (), {"number": number}, {}) for number in range(many)
    ]
    return [message.message_id for message in broker.enqueue_many(messages)]


def test_a_search_lists_what_fits_and_says_how_far_it_is(page: FakePage, broker: LabBroker) -> None:
    send_many(broker, 20)
    milk = send(broker, "milk", queue="mail")
    late = send(broker, "milk", delay=60_000)
    page.ask(kind="look", search="milk")
    page.wait_until(lambda view: view["search"]["done"])
    assert set(page.view["order"]) == {milk, late}
    assert page.view["search"] == {
        "text": "milk",
        "words": "2 found, searched 22 of 22",
        "done": True,
        "going": False,
        "stopped": False,
    }
    page.ask(kind="look", search="milk state:scheduled")
    page.wait_until(lambda view: view["order"] == [late])
    assert page.view["tab"] == "scheduled", "the state that is named is the tab that is shown"
    page.ask(kind="look", search="milk", tab="enqueued", offset=0)
    page.wait_until(lambda view: view["order"] == [milk])
    page.ask(kind="look", tab="scheduled", offset=0)
    page.wait_until(lambda view: view["order"] == [late])
    page.ask(kind="look", search=milk)
    page.wait_until(lambda view: view["order"] == [milk])
    assert page.view["tab"] == "scheduled", "a whole id is found behind any tab"
    page.ask(kind="look", search=f"{milk} state:scheduled")
    page.wait_until(lambda view: view["search"]["done"] and view["order"] == [])
    page.ask(kind="look", search="")
    assert "search" not in page.view
    assert page.view["tab"] == "scheduled"


def test_a_found_job_is_shown_as_it_is_by_now(
    page: FakePage, broker: LabBroker, redis_url: str
) -> None:
    milk = send(broker, "milk", delay=60_000)
    page.ask(kind="look", search="milk")
    page.wait_until(lambda view: view["rows"][milk]["state"] == "scheduled")
    Ledger(redis_url).cancel(milk)
    page.wait_until(lambda view: view["rows"][milk]["state"] == "cancelled")


def test_its_pages_and_no_more_read_than_they_need(
    page: FakePage, broker: LabBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MOST", 10)
    monkeypatch.setattr(module, "_STEP", 10)
    ids = send_many(broker, 43)
    page.ask(kind="look", search="state:enqueued number", offset=0)
    page.wait_until(lambda view: view["order"] == ids[:5])
    assert page.view["search"]["words"].endswith("searched 10 of 43")
    assert page.view["search"]["going"] is False
    page.ask(kind="look", tab="enqueued", offset=20)
    page.wait_until(lambda view: view["order"] == ids[20:25])
    assert page.view["search"]["words"].endswith("searched 30 of 43")
    page.ask(kind="look", tab="enqueued", offset=40)
    page.wait_until(lambda view: view["order"] == ids[40:])
    assert page.view["search"]["done"]


def test_it_stops_and_goes_on(
    page: FakePage, broker: LabBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MOST", 10)
    monkeypatch.setattr(module, "_STEP", 10)
    monkeypatch.setattr(finding, "PATIENCE", 0.0)  # ten records a look
    send_many(broker, 400)
    page.ask(kind="look", search="nowhere")
    page.ask(kind="search", stop=True)
    page.wait_until(lambda view: view["search"]["stopped"])
    stopped = page.view["search"]
    assert stopped["words"].startswith("0+ found, searched ")
    assert stopped["words"].endswith(" of 400")
    assert (stopped["done"], stopped["going"]) == (False, False)
    send(broker, 1)
    page.wait_until(lambda view: view["counts"]["enqueued"] == 401)
    assert page.view["search"]["words"] == stopped["words"]
    page.ask(kind="search", stop=False)
    page.wait_until(lambda view: view["search"]["done"], 20)


def test_no_masked_secret_can_be_found(page: FakePage, broker: LabBroker, board: JobBoard) -> None:
    sent = send(broker, f"redis://:{SECRET}@host", token=SECRET, nested={"api_key": SECRET})
    shown = send(broker, "hunter")
    for text, fits in (
        (SECRET, []),
        ("hunter2", []),
        (f'"{SECRET[:9]}"', []),
        ("hunter", [shown]),
        ("nested", [sent]),
        ("token=•••", [sent]),
    ):
        page.ask(kind="look", search=text)
        page.wait_until(lambda view, text=text: view["search"]["text"] == text)
        page.wait_until(lambda view: view["search"]["done"])
        assert page.view["order"] == fits, text
    board.search(SECRET)
    page.wait_until(lambda view: view["search"]["text"] == SECRET)
    page.wait_until(lambda view: view["search"]["done"])
    assert page.view["order"] == []


@pytest.mark.parametrize("text", ["state:done", 7, None, ["x"], "x" * 5_000, "(((", '"', "\x00"])
def test_what_makes_no_sense_breaks_nothing(page: FakePage, broker: LabBroker, text: Any) -> None:
    send(broker, 7)
    page.ask(kind="look", search=text)
    if text == "state:done":
        assert page.view["problem"].startswith("there is no state 'done'")
    page.ask(kind="look", search="7")
    page.wait_until(lambda view: view["search"]["done"] and len(view["order"]) == 1)
    assert "problem" not in page.view
    assert len(json.dumps(page.view)) < 5_000


def test_in_python(board: JobBoard, page: FakePage, broker: LabBroker) -> None:
    milk = send(broker, "milk")
    send(broker, "bread")
    board.search("state:enqueued milk")
    page.wait_until(lambda view: view["order"] == [milk])
    assert "milk" in board.snapshot().html
    assert "bread" not in board.snapshot().html
    with pytest.raises(ValueError, match="there is no state"):
        board.search("state:done")
    board.show("enqueued")
    page.wait_until(lambda view: len(view["order"]) == 2)


def test_waiting_jobs_that_a_worker_has_fetched_are_told_apart(
    page: FakePage, broker: LabBroker
) -> None:
    gate = threading.Event()

    @dramatiq.actor(broker=broker)
    def work(number: int) -> None:
        gate.wait(10)

    running, held, free = (send(broker, number) for number in range(3))
    page.ask(kind="look", tab="enqueued", offset=0)
    with running_worker(broker, threads=1):
        page.wait_until(lambda view: view["rows"][held]["held"] == broker.worker_name, 10)
        assert "held" not in page.view["rows"][free]
        assert running not in page.view["rows"]
        gate.set()


def test_of_a_job_that_a_stock_worker_has_nobody_knows_whether_it_runs(
    page: FakePage, broker: LabBroker
) -> None:
    held, free = send(broker, 1), send(broker, 2)
    broker.do_fetch("default", 1)
    page.ask(kind="look", tab="enqueued", offset=0)
    page.wait_until(lambda view: view["rows"][held]["either"])
    assert not {"held", "either"} & page.view["rows"][free].keys()
