"""An application of stock Dramatiq, with nothing of labkit in it: ``dramatiq tests.stock_app``.

Where ``STOCK_BROKER`` says so, the same application on LabBroker.
"""

from __future__ import annotations

import os

import dramatiq
import redis
from dramatiq.brokers.redis import RedisBroker

URL = os.environ["STOCK_REDIS_URL"]
if os.environ.get("STOCK_BROKER") == "labkit":
    from labkit.broker import LabBroker

    dramatiq.set_broker(LabBroker(url=URL))
else:
    dramatiq.set_broker(RedisBroker(url=URL))
client = redis.Redis.from_url(URL, socket_timeout=None)


@dramatiq.actor(max_retries=0)
def wait(name: str) -> None:
    """Run until somebody pushes to the list ``go:<name>``."""
    client.blpop([f"go:{name}"], timeout=60)


@dramatiq.actor(queue_name="mail", min_backoff=1, max_backoff=1)
def fail(order: int, password: str = "") -> None:
    raise ValueError(f"no such order: {order}{password}")
