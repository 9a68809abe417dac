"""What the ledger's questions cost Redis itself, by its own count of the time in each command."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import redis

from labkit.ledger.reader import Ledger
from labkit.ledger.records import JobState

CALLS = 200
PAGE = 50


def read_costs(server: redis.Redis, url: str) -> tuple[float, float]:
    """Microseconds of Redis for ``counts()``, and for the dearest page of scheduled or enqueued.

    Pages are the first, one from the middle and the last.
    """
    ledger = Ledger(url)
    try:
        counts = ledger.counts()
        costs = []
        for state in (JobState.SCHEDULED, JobState.ENQUEUED):
            last = max(0, counts[state] - PAGE)
            for offset in (0, last // 2, last):
                read = _page(ledger, state, offset)
                read()
                costs.append(_cost(server, "evalsha", read))
        return _cost(server, "zcard", ledger.counts), max(costs)
    finally:
        ledger.client.close()


def _page(ledger: Ledger, state: JobState, offset: int) -> Callable[[], Any]:
    return lambda: ledger.jobs(state, offset=offset, limit=PAGE)


def _cost(server: redis.Redis, command: str, call: Callable[[], Any]) -> float:
    # What a script calls is counted in its own time, and once more by the name of the command.
    server.config_resetstat()
    for _ in range(CALLS):
        call()
    return float(server.info("commandstats")[f"cmdstat_{command}"]["usec"]) / CALLS
