"""Huey's application."""

from __future__ import annotations

from huey import RedisHuey

from bench import jobs
from bench.systems.base import url

huey = RedisHuey("bench", url=url())
noop, stamp = huey.task()(jobs.noop), huey.task()(jobs.stamp)
