"""The jobs that are run under fire, and the process that sends them.

Each job appends a line to a tally, a file outside Redis, in one write. The tally says what ran.
"""

from __future__ import annotations

import os
import random
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import dramatiq
from dramatiq.middleware import Retries

from labkit.actors import actor
from labkit.broker import LabBroker
from tests.support_tally import note

FOLDER = Path(os.environ["CHAOS_FOLDER"])
broker = LabBroker(url=os.environ["CHAOS_URL"], socket_timeout=float(os.environ["CHAOS_TIMEOUT"]))
# All records are wanted for the comparison.
broker.keep_jobs = 10**9
for middleware in broker.middleware:
    if isinstance(middleware, Retries):
        # A job may be in many a worker that is killed; none is to die of that.
        middleware.max_retries = 1_000
        middleware.min_backoff = middleware.max_backoff = 20
dramatiq.set_broker(broker)


@actor
def plain(key: str) -> None:
    note(FOLDER / "ran", key)


@actor
def fails_once(key: str) -> None:
    note(FOLDER / "ran", key)
    marker = FOLDER / "failed" / key
    if not marker.exists():
        marker.touch()
        raise RuntimeError("the first time")


@actor
def first(key: str) -> str:
    note(FOLDER / "ran", key)
    return f"{key}-next"


@actor
def second(key: str) -> None:
    note(FOLDER / "ran", key)


def send(key: str, dice: random.Random) -> Any:
    """Send one job of a random kind; the pipeline's second job runs under a key of its own."""
    kind = dice.random()
    if kind < 0.5:
        return plain.send(key)
    if kind < 0.7:
        return plain.send_with_options(args=(key,), delay=dice.randrange(1, 1_500))
    if kind < 0.85:
        return fails_once.send(key)
    return (first.message(key) | second.message()).run()


def produce(prefix: str, count: int) -> None:
    """Send jobs; one that may or may not have been accepted is in ``tried`` alone."""
    dice = random.Random(prefix)  # noqa: S311 - dice, not secrets
    for first_number in range(0, count, 20):
        keys = [f"{prefix}-{number}" for number in range(first_number, first_number + 20)]
        if dice.random() < 0.2:
            attempt(keys, lambda keys: plain.send_many([(key,) for key in keys]))
        else:
            for key in keys:
                attempt([key], lambda keys: send(keys[0], dice))


def attempt(keys: list[str], send: Callable[[list[str]], Any]) -> None:
    """Send these, in one call, and note what came of it."""
    note(FOLDER / "tried", "\n".join(keys))
    try:
        send(keys)
    except Exception as error:
        note(FOLDER / "refused", f"{keys[0]} {type(error).__name__}")
    else:
        note(FOLDER / "accepted", "\n".join(keys))


if __name__ == "__main__":
    produce(sys.argv[1], int(sys.argv[2]))
