"""The jobs of the soak, and the process that sends them at a steady rate.

Most run well; some wait for their time, some fail once, some die. Each writes its key to a tally, a
file outside Redis, in one write.
"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import dramatiq
from dramatiq.middleware import CurrentMessage, Retries

from labkit.actors import actor
from labkit.broker import LabBroker
from tests.support_tally import note

FOLDER = Path(os.environ["SOAK_FOLDER"])
broker = LabBroker(url=os.environ["SOAK_URL"])
broker.add_middleware(CurrentMessage())
# So few that even the dead, of which there is one a second, have reached it within two minutes.
broker.keep_jobs = 100
for middleware in broker.middleware:
    if isinstance(middleware, Retries):
        middleware.max_retries = 1
        middleware.min_backoff = middleware.max_backoff = 50
dramatiq.set_broker(broker)


@actor
def plain(key: int, _text: str) -> None:
    note(FOLDER / "ran", f"{key:08}")


@actor
def fails(key: int, times: int) -> None:
    note(FOLDER / "ran", f"{key:08}")
    message = CurrentMessage.get_current_message()
    if message is None or message.options.get("retries", 0) < times:
        raise RuntimeError(f"attempt of {key}")


def produce(rate: int, seconds: float) -> None:
    """Send ``rate`` jobs a second for so long, in ticks of a twentieth of a second."""
    began, key = time.monotonic(), 0
    while (spent := time.monotonic() - began) < seconds:
        while key < spent * rate:
            key += 1
            if key % 10 == 0:
                plain.send_with_options(args=(key, "later"), delay=500)
            elif key % 20 == 1:
                fails.send(key, 1 + (key % 100 == 1))
            else:
                plain.send(key, "x" * (key % 300))
            note(FOLDER / "sent", f"{key:08}")
        time.sleep(0.05)


if __name__ == "__main__":
    produce(int(sys.argv[1]), float(sys.argv[2]))
