"""The application of test_sentinel and test_hosts: its jobs leave a line each outside Redis."""

from __future__ import annotations

import os
import socket
import time

import dramatiq

from labkit.broker import LabBroker

# As in hostile_app: under libfaketime Python's own sleep fails.
_clock, _off = time.time, float(os.environ.get("TALLY_CLOCK", "0"))
time.time = lambda: _clock() + _off

address = {"url": os.environ["TALLY_URL"]} if "TALLY_URL" in os.environ else {}
timeout = int(os.environ.get("TALLY_HEARTBEAT", "60000"))
broker = LabBroker(heartbeat_timeout=timeout, **address)
dramatiq.set_broker(broker)


def note(*words: object) -> None:
    """One line at the end of the tally, in one write."""
    with open(os.environ["TALLY"], "ab", buffering=0) as file:  # noqa: PTH123
        file.write((" ".join(map(str, words)) + "\n").encode())


@dramatiq.actor(max_retries=0)
def count(number: int) -> None:
    note(number, socket.gethostname())


@dramatiq.actor(max_retries=0)
def linger(number: int, seconds: float) -> None:
    note("begin", number, socket.gethostname())
    time.sleep(seconds)
    note(number, socket.gethostname())
