"""Celery's application; its defaults, but for the place of the broker."""

from __future__ import annotations

from celery import Celery

from bench import jobs
from bench.systems.base import url

app = Celery("bench", broker=url())
noop, stamp = app.task(jobs.noop), app.task(jobs.stamp)
