"""A stage: jobs in every state, done by a real worker, and every widget on one page."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from dramatiq import Message
from playwright.sync_api import expect

from labkit import tether
from labkit.broker import LabBroker
from labkit.ledger.reader import Ledger
from labkit.ledger.records import JobState
from labkit.redis_server import ThrowawayRedis
from tests.support import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from playwright.sync_api import Browser, Locator

    from tests.browser.lab import Lab, Notebook

#: The actors of the stage: each ends in a state of its own.
ACTORS = """
import threading
import dramatiq
from labkit.broker import LabBroker

dramatiq.set_broker(LabBroker())

@dramatiq.actor
def greet(name):
    print(f"Hello {name}")

@dramatiq.actor(max_retries=1, min_backoff=1, max_backoff=1)
def charge(order, **details):
    raise ConnectionError(f"the bank does not answer for order {order}")

@dramatiq.actor(min_backoff=3_600_000, max_backoff=3_600_000)
def sync(calendar):
    raise TimeoutError(f"{calendar}: no answer within 5 s")

@dramatiq.actor
def render(film):
    threading.Event().wait(600)
"""

#: The widgets, a cell each; the worker panel has started a worker that finds nothing to do.
CELLS = {
    "set-up": """
import os
os.environ["REDIS_URL"] = {url!r}
from labkit.course import check, hint, predict, quiz, rosetta, settle, solution
from labkit.database import create_tables
from labkit.widgets import JobBoard, TaskForm, Throughput, Timeline, WorkerPanel
create_tables()
""",
    "board": "JobBoard(limit=8)",
    "timeline": "Timeline(limit=8)",
    "throughput": "Throughput()",
    "form": "TaskForm()",
    "panel": """
panel = WorkerPanel(threads=1, queues=["panel"])
panel.start()
panel
""",
    "empty": 'JobBoard(namespace="nothing-here", limit=3)',
    "prediction": 'predict("00.waiting")',
    "settled": 'settle("00.waiting", "enqueued")',
    "quiz": 'quiz("00")',
    "words": "rosetta()",
    "snapshot": "JobBoard(limit=8).snapshot()",
}


def cells(url: str) -> list[str]:
    """The sources, for a notebook whose widgets look at this Redis."""
    return [source.replace("{url!r}", repr(url)) for source in CELLS.values()]


def cell(name: str) -> int:
    """The place of one of ``CELLS`` in the notebook."""
    return list(CELLS).index(name)


def board_of(staged: Notebook) -> Locator:
    """The board of the first Redis, on a page where all of ``CELLS`` have run."""
    return staged.cell(cell("board")).locator(".lk-board")


def send(
    broker: LabBroker, actor: str, *args: Any, delay: int | None = None, **options: Any
) -> str:
    """Send a job to the default queue, or to the ``queue`` among the options."""
    queue = options.pop("queue", "default")
    message: Message[Any] = Message(queue, actor, args, options, {})
    return broker.enqueue(message, delay=delay).message_id


@contextmanager
def acting(folder: Path, url: str) -> Iterator[Ledger]:
    """A worker with the stage's actors on this Redis, and one job or more in every state."""
    (folder / "stage_actors.py").write_text(ACTORS)
    command = [sys.executable, "-m", "dramatiq", "stage_actors", "-p", "1", "-t", "2"]
    env = {"REDIS_URL": url, "LABKIT_HOME": str(folder), "dramatiq_worker_timeout": "50"}
    broker, ledger = LabBroker(url=url), Ledger(url)
    for name in ("Ada", "Grace"):
        send(broker, "greet", name)
    send(broker, "charge", 42, card="4000-1234", token="not to be seen")
    send(broker, "sync", "holidays")
    worker = tether.start(
        [*command, "-Q", "default"], output=folder / "stage.log", env=env, cwd=folder
    )
    try:
        wait_until(lambda: ledger.counts()[JobState.RETRYING], 20, "a job failed, and will retry")
        wait_until(lambda: ledger.counts()[JobState.DEAD], 20, "a job has failed for good")
        wait_until(lambda: ledger.counts()[JobState.COMPLETED] == 2, 20, "two are done")
        send(broker, "render", "holidays.mp4")
        wait_until(lambda: ledger.counts()[JobState.RUNNING], 20, "one runs")
        send(broker, "greet", "Alan", delay=1_800_000)
        ledger.cancel(send(broker, "greet", "Edsger", delay=3_600_000))
        send(broker, "greet", "Barbara", queue="mail")
        yield ledger
    finally:
        worker.kill()
        ledger.client.close()
        broker.client.close()


@contextmanager
def opened(lab: Lab, browser: Browser, url: str, front_end: str) -> Iterator[Notebook]:
    """A page with all ``CELLS`` run, and boards of a Redis that has gone since."""
    with ThrowawayRedis() as mortal:
        broker = LabBroker(url=mortal.url)
        send(broker, "greet", "Ada")
        broker.client.close()
        gone = f"JobBoard({mortal.url!r}, limit=3)", f"Timeline(url={mortal.url!r}, limit=3)"
        name = f"staged-{front_end}.ipynb"
        lab.write(name, *cells(url), *gone)
        page = lab.open(
            browser, name, size=(1200, 4800), front_end=front_end, reduced_motion="reduce"
        )
        page.run_all()
        page.wait_for_run(len(CELLS) + 1)
        last = page.cell(len(CELLS)).locator(".lk-board")
        expect(last.get_by_role("row")).to_have_count(2)
        mortal.kill()
        expect(last.locator(".lk-foot")).to_have_attribute("data-status", "stale")
        page.page.locator(".lk-board").first.evaluate("board => { board.id = 'staged' }")
        yield page
        page.close()
