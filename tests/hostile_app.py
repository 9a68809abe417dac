"""The application that gets broken and hostile messages: ``dramatiq tests.hostile_app``."""

from __future__ import annotations

import os
import time
from pathlib import Path

import dramatiq
from dramatiq.middleware import CurrentMessage

from labkit.actors import actor
from labkit.broker import LabBroker

# The clock of this process may jump: a file says by how many seconds it is wrong by now.
if "HOSTILE_CLOCK" in os.environ:
    _clock, _wrong = time.time, Path(os.environ["HOSTILE_CLOCK"])
    time.time = lambda: _clock() + float(_wrong.read_text() or 0)

broker = LabBroker(url=os.environ.get("HOSTILE_URL", "redis://127.0.0.1:1"))
broker.add_middleware(CurrentMessage())
dramatiq.set_broker(broker)


@actor(max_retries=0)
def take(*_values: object, **_named: object) -> None:
    """Whatever it is."""


@actor(max_retries=0)
def linger(seconds: float) -> None:
    time.sleep(seconds)


@actor(max_retries=0)
def fail(*_values: object, **_named: object) -> None:
    raise RuntimeError("as it is meant to")


@actor(max_retries=3, min_backoff=10, max_backoff=20)
def fail_twice() -> None:
    message = CurrentMessage.get_current_message()
    if message is None or message.options.get("retries", 0) < 2:
        raise RuntimeError("the first two times")
