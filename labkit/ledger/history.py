"""History: what happened in each of the last minutes, from the counters of ``finish.lua``."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from labkit.ledger import records
from labkit.redis_client import redis_errors

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from labkit.ledger.connection import LedgerConnection

#: Redis keeps the counters of a day.
KEPT = 1_440
#: What is counted: "queue/state", or "queue/waited/step". A queue of others has any name.
_TALLY = re.compile(rb"(.*)/(?:waited/(\d{1,3})|([a-z]+))", re.DOTALL)
#: Seconds until all minutes of a ``Recent`` are read anew, and not only those that still count.
_FRESH = 5.0


@dataclass(frozen=True)
class Minute:
    """What happened in one minute, by the server's clock."""

    at: datetime  #: its beginning
    completed: int = 0
    failed: int = 0  #: attempts that failed, whether another follows or not
    #: Milliseconds within which half, and 95 in 100, of the jobs that began had begun since they
    #: were due (were enqueued, where they had no ETA); at most 42 % too high. None: none began.
    median_wait: int | None = None
    p95_wait: int | None = None

    @property
    def is_busy(self) -> bool:
        """Whether anything happened in it."""
        return bool(self.completed or self.failed or self.p95_wait is not None)


def read_minutes(
    ledger: LedgerConnection, numbers: Iterable[int], queue: str | None = None
) -> dict[int, Minute]:
    """Minutes by their numbers since 1970, in one round trip."""
    numbers = list(numbers)
    with redis_errors(ledger.client), ledger.client.pipeline(transaction=False) as pipe:
        for number in numbers:
            pipe.hgetall(ledger.keys.minute(number))
        return {
            number: _read(number, counters, queue)
            for number, counters in zip(numbers, pipe.execute(), strict=True)
        }


class Recent:
    """The last minutes, for somebody who looks often: what is over is not read each time."""

    def __init__(self) -> None:
        self._known: dict[int, Minute] = {}
        self._read_at = 0.0

    def read(self, ledger: LedgerConnection, now: float, length: int) -> list[Minute]:
        """The ``length`` minutes up to ``now``, in seconds by the server's clock."""
        last = int(now // 60)
        wanted = range(last - length + 1, last + 1)
        if now - self._read_at > _FRESH:
            self._known, self._read_at = {}, now
        new = [number for number in wanted if number not in self._known or number >= last - 1]
        self._known |= read_minutes(ledger, new)
        return [self._known[number] for number in wanted]


def _read(number: int, counters: dict[bytes, bytes], queue: str | None) -> Minute:
    counts: dict[str, int] = {}
    waits: dict[int, int] = {}
    for field, text in counters.items():
        found = _TALLY.fullmatch(field)
        if (
            found is None
            or not text.isdigit()
            or queue not in (None, found[1].decode(errors="replace"))
        ):
            continue
        if found[2]:
            waits[int(found[2])] = waits.get(int(found[2]), 0) + int(text)
        else:
            kind = found[3].decode()
            counts[kind] = counts.get(kind, 0) + int(text)
    return Minute(
        at=records.from_millis(number * 60_000),
        completed=counts.get("completed", 0),
        failed=counts.get("retrying", 0) + counts.get("dead", 0),
        median_wait=_within(waits, 0.5),
        p95_wait=_within(waits, 0.95),
    )


def _within(waits: dict[int, int], share: float) -> int | None:
    """The end of the step in which this share of all is reached; step 0 is below 1 ms."""
    seen, needed = 0, share * sum(waits.values())
    for step in sorted(waits):
        seen += waits[step]
        if seen >= needed:
            return round(2 ** (step / 2))
    return None


def last_minutes(ledger: LedgerConnection, count: int, queue: str | None = None) -> list[Minute]:
    """The last ``count`` minutes, oldest first, the one that still counts at the end."""
    with redis_errors(ledger.client):
        now: Any = ledger.client.time()
    last = int(now[0]) // 60
    found = read_minutes(ledger, range(last - count + 1, last + 1), queue)
    return list(found.values())
