"""arq's application: jobs are coroutines."""

from __future__ import annotations

import os
from typing import Any

from arq.connections import RedisSettings

from bench import jobs
from bench.systems.base import url


async def noop(_context: Any, number: int) -> None:
    """Does nothing."""
    jobs.noop(number)


async def stamp(_context: Any, since: float, path: str) -> None:
    """Says when it ran."""
    jobs.stamp(since, path)


class WorkerSettings:
    """What ``arq`` runs."""

    functions = [noop, stamp]
    redis_settings = RedisSettings.from_dsn(url())
    max_jobs = int(os.environ.get("BENCH_THREADS", "1"))
