"""Secrets among arguments and in URLs: on no wire, in no stored notebook, in no log."""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
import threading
from typing import TYPE_CHECKING

import dramatiq
import nbformat
import pytest
from dramatiq import Message
from jupyter_client.manager import KernelManager

from labkit.broker import LabBroker
from labkit.ledger.reader import Ledger
from labkit.ledger.records import JobState
from labkit.log_mask import LOGGER
from labkit.redis_server import ThrowawayRedis
from tests.support import wait_until
from tests.support_jobs import quick_retries, running_worker

if TYPE_CHECKING:
    from pathlib import Path

SECRET = "hunter2-very-secret"
#: In every place that a secret has in a call, and in the error that the call ends with.
KWARGS = {
    "password": SECRET,
    "headers": {"Authorization": f"Bearer {SECRET}", "list": [{"api_key": SECRET}]},
    "address": f"postgresql://shop:{SECRET}@db.example/shop",
    "line": f"login --token={SECRET}",
}
#: What a learner's notebook does with them; the address has the password of the Redis itself.
CELLS = (
    "import logging\nlogging.basicConfig(filename='kernel.log', level=logging.DEBUG)",
    "from labkit.widgets import JobBoard, Timeline, WorkerPanel, Throughput\nimport os",
    "board = JobBoard(os.environ['REDIS_URL'], state='dead', read_only=False)\nboard",
    "Throughput(url=os.environ['REDIS_URL'])",
    "Timeline(url=os.environ['REDIS_URL'])",
    "[job] = board._place.open_ledger(1).jobs('dead')\nboard.inspect(job.id)\nboard.model_id",
    "board.search('charge')\nboard.show_workers()\nboard.replay(1)",
    "board.replay(None)\nboard.act('retry', job.id)",
    "board.snapshot()",
    "board",
)


def fail_with_secrets(url: str) -> str:
    """A job that had them all, and died of an error that says them."""
    broker = LabBroker(url=url)

    @dramatiq.actor(broker=broker, actor_name="charge")
    def charge(order: int, **more: object) -> None:
        raise ValueError(f"cannot log in with {SECRET} or {more}")

    quick_retries(broker, max_retries=1)
    message: Message[None] = Message("default", "charge", (7,), dict(KWARGS), {})
    broker.enqueue(message)
    ledger = Ledger(url)
    with running_worker(broker):
        wait_until(lambda: ledger.counts()[JobState.DEAD] == 1)
    ledger.client.close()
    broker.client.close()
    return message.message_id


def test_on_no_wire_between_kernel_and_page_and_in_no_log_of_it(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PYTEST_CURRENT_TEST")
    with ThrowawayRedis(password=SECRET) as server:
        job_id = fail_with_secrets(server.url)
        manager = KernelManager(kernel_name="python3")
        manager.start_kernel(cwd=str(root), env={**os.environ, "REDIS_URL": server.url})
        client = manager.client()
        client.start_channels()
        client.wait_for_ready(timeout=60)
        frames: list[bytes] = []
        ended = threading.Event()
        listener = manager.connect_iopub()
        listener.subscribe = b""

        def listen() -> None:
            while not ended.is_set():
                if listener.poll(50):
                    frames.extend(listener.recv_multipart())

        thread = threading.Thread(target=listen, daemon=True)
        thread.start()

        def opened() -> bool:
            return any(b'"tries"' in frame and b"cannot log in" in frame for frame in frames)

        try:
            for cell in CELLS:
                reply = client.execute_interactive(cell, timeout=60, output_hook=lambda _: None)
                assert reply["content"]["status"] == "ok", reply["content"]
                if "inspect" in cell:
                    wait_until(opened, 10, "the opened job is on the wire")
        finally:
            ended.set()
            thread.join()
            listener.close()
            client.stop_channels()
            manager.shutdown_kernel(now=True)
            manager.cleanup_resources()
        assert any(job_id.encode() in frame for frame in frames)
        told = [frame.decode().partition(SECRET) for frame in frames if SECRET.encode() in frame]
        assert [(before[-200:], after[:100]) for before, _, after in told] == []
        assert SECRET not in (root / "kernel.log").read_text()


@pytest.mark.slow
def test_in_no_notebook_that_is_saved_with_all_its_widgets(root: Path) -> None:
    with ThrowawayRedis(password=SECRET) as server:
        fail_with_secrets(server.url)
        notebook = nbformat.v4.new_notebook(cells=[*map(nbformat.v4.new_code_cell, CELLS)])
        (root / "board.ipynb").write_text(nbformat.writes(notebook))
        subprocess.run(
            [sys.executable, "-m", "nbconvert", "--to", "notebook", "--execute", "--inplace",
             "--ExecutePreprocessor.store_widget_state=True", "board.ipynb"],
            cwd=root,
            env={**os.environ, "REDIS_URL": server.url},
            check=True,
            capture_output=True,
        )  # fmt: skip
        stored = (root / "board.ipynb").read_text()
        state = json.loads(stored)["metadata"]["widgets"]
        assert "cannot log in" in json.dumps(state), "the widgets' state is in the file"
        assert SECRET not in stored


def test_in_no_log_of_a_worker(redis_url: str, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG, "dramatiq"):
        fail_with_secrets(redis_url)
    text = caplog.text
    assert "Failed to process message charge(7, password=•••" in text
    assert "ValueError: cannot log in with •••" in text
    assert SECRET not in text
    assert len(logging.getLogger(LOGGER).filters) == 0, "it goes with the worker"
