"""The application of stock Dramatiq and of labkit: one and the same, on one broker or the other."""

from __future__ import annotations

import os
from typing import Any

import dramatiq
from dramatiq import Broker

from bench import jobs
from bench.systems.base import url

broker: Broker
noop: Any
stamp: Any
if os.environ["BENCH_SYSTEM"] == "labkit":
    from labkit.actors import actor
    from labkit.broker import LabBroker

    broker = LabBroker(url=url())
    dramatiq.set_broker(broker)
    noop, stamp = actor(jobs.noop), actor(jobs.stamp)
else:
    from dramatiq.brokers.redis import RedisBroker

    broker = RedisBroker(url=url())
    dramatiq.set_broker(broker)
    noop, stamp = dramatiq.actor(jobs.noop), dramatiq.actor(jobs.stamp)
