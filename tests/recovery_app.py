"""The application whose workers are killed, as ``dramatiq tests.recovery_app`` or in the test.

Its jobs keep a tally in a file, outside Redis: what ran can be held against what is recorded.
"""

from __future__ import annotations

import json
import os
import signal
import time
from pathlib import Path
from typing import Any

import dramatiq

from labkit.actors import actor
from labkit.broker import LabBroker


def use(url: str) -> None:
    """Declare the actors on a broker for this Redis."""
    global _broker
    _broker = LabBroker(url=url)
    dramatiq.set_broker(_broker)
    for fn, options in ((_tell, {}), (_tell_and_wait, {}), (_poison, {"max_retries": 1})):
        name = fn.__name__.removeprefix("_")
        globals()[name] = actor(actor_name=name, broker=_broker, **options)(fn)


def broker() -> LabBroker:
    return _broker


def _write(word: str) -> None:
    with Path(os.environ["RECOVERY_TALLY"]).open("a") as tally:
        tally.write(word + "\n")


def _tell(word: str) -> None:
    _write(word)


def _tell_and_wait(word: str, seconds: float) -> None:
    _write(word)
    time.sleep(seconds)


def _poison() -> None:
    _write("poison")
    # With its master, which would take seconds to notice and to end by itself.
    os.killpg(os.getpgrp(), signal.SIGKILL)


def worker_cards() -> dict[str, Any]:
    """The cards of the workers that are registered."""
    cards: Any = _broker.client.hgetall(_broker.keys.workers)
    return {worker.decode(): json.loads(card) for worker, card in cards.items()}


def longest_silence() -> float:
    """Milliseconds since the last sign of life of the most silent registered worker."""
    seconds, micros = _broker.client.time()
    now = seconds * 1000 + micros / 1000
    scores = (
        _broker.client.zscore(f"{_broker.namespace}:__heartbeats__", worker)
        for worker in worker_cards()
    )
    return max(now - (score or now) for score in scores)


_broker: LabBroker
tell: Any
tell_and_wait: Any
poison: Any
if "RECOVERY_URL" in os.environ:
    use(os.environ["RECOVERY_URL"])
