"""Procrastinate's application; its defaults, but for the place of the database."""

from __future__ import annotations

import os

from procrastinate import App, PsycopgConnector

from bench import jobs

app = App(connector=PsycopgConnector(conninfo=os.environ["BENCH_POSTGRES_URL"]))
noop, stamp = app.task(jobs.noop, name="noop"), app.task(jobs.stamp, name="stamp")
