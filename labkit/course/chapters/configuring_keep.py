"""Chapter 03: the answer that is kept, and its test."""

from __future__ import annotations

from labkit.course.keep import Keep

ABOVE = """\
import threading
from collections import defaultdict
from time import perf_counter

import dramatiq
from labkit.actors import default_broker
"""

TEST = """\
import dramatiq
from app.jobs.stopwatch import Stopwatch
from dramatiq.brokers.stub import StubBroker


def test_a_job_that_fails_is_measured_too():
    clock = iter([10.0, 12.5, 20.0, 21.0])
    watch = Stopwatch(clock=lambda: next(clock))
    broker = StubBroker(middleware=[watch])

    @dramatiq.actor(broker=broker)
    def divide(number):
        1 / number

    worker = dramatiq.Worker(broker, worker_threads=1)
    worker.start()
    for number in (1, 0):
        divide.send(number)
        broker.join("default", fail_fast=False)
    worker.stop()
    assert watch.seconds["divide"] == [2.5, 1.0]
"""

KEEP = Keep("app/jobs/stopwatch.py", ABOVE, TEST, "default_broker().add_middleware(Stopwatch())")
