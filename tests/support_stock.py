"""Real workers of stock Dramatiq, as processes, on an application without labkit."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import dramatiq
from dramatiq.brokers.redis import RedisBroker


@contextmanager
def stock_worker(
    url: str, log: Path, threads: int = 1, broker: str = "stock"
) -> Iterator[subprocess.Popen[bytes]]:
    """``dramatiq tests.stock_app`` with one process; ended at the end of the block.

    Parameters:
      broker: ``labkit`` runs the same actors on LabBroker.
    """
    command = [sys.executable, "-m", "dramatiq", "tests.stock_app", "-p", "1", "-t", str(threads)]
    env = {**os.environ, "STOCK_REDIS_URL": url, "STOCK_BROKER": broker}
    env["dramatiq_worker_timeout"] = "50"
    with log.open("wb") as output:
        process = subprocess.Popen(
            command, env=env, stdout=output, stderr=output, start_new_session=True
        )
    try:
        yield process
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait(10)


@contextmanager
def stock_producer(url: str) -> Iterator[Callable[..., str]]:
    """``send(actor, *args, queue=…, delay=…, **kwargs)`` from this process, by a RedisBroker."""
    broker = RedisBroker(url=url)

    def send(
        actor: str, *args: Any, queue: str = "default", delay: int | None = None, **how: Any
    ) -> str:
        options = how.pop("options", {})
        message: dramatiq.Message[Any] = dramatiq.Message(queue, actor, args, how, options)
        broker.declare_queue(queue)
        return broker.enqueue(message, delay=delay).message_id

    try:
        yield send
    finally:
        broker.client.close()
