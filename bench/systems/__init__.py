"""Every queue that is measured, by name, in the order of the table's columns."""

from __future__ import annotations

from bench.systems.arq import ARQ
from bench.systems.base import System
from bench.systems.celery import CELERY
from bench.systems.dramatiq import LABKIT, STOCK
from bench.systems.huey import HUEY
from bench.systems.rq import RQ
from bench.systems.sidekiq import SIDEKIQ, SIDEKIQ_QUIET

SYSTEMS: dict[str, System] = {
    system.name: system for system in (LABKIT, STOCK, SIDEKIQ, SIDEKIQ_QUIET, CELERY, RQ, HUEY, ARQ)
}
