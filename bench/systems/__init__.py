"""Every queue that is measured, by name, in the order of the table's columns."""

from __future__ import annotations

from bench.systems.arq import ARQ
from bench.systems.base import System
from bench.systems.celery import CELERY
from bench.systems.dramatiq import LABKIT, STOCK
from bench.systems.huey import HUEY
from bench.systems.procrastinate import PROCRASTINATE
from bench.systems.rq import RQ, RQ_FORK
from bench.systems.sidekiq import SIDEKIQ, SIDEKIQ_QUIET

ALL = (LABKIT, STOCK, SIDEKIQ, SIDEKIQ_QUIET, CELERY, RQ, RQ_FORK, PROCRASTINATE, HUEY, ARQ)
SYSTEMS: dict[str, System] = {system.name: system for system in ALL}
