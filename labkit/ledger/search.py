"""Search: through the jobs of a ledger, a bounded number of records at a call.

It stops whenever it is not called, and goes on where it stopped. Each step in Redis is a short one;
what cannot fit stays there.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterator
from typing import TYPE_CHECKING, Final

from labkit.errors import LabkitError
from labkit.ledger import records
from labkit.ledger.query import Query, Seen, see_all
from labkit.ledger.records import JobRecord, JobState
from labkit.redis_client import redis_errors

if TYPE_CHECKING:
    from labkit.ledger.connection import LedgerConnection
    from labkit.ledger.reader import Ledger

#: The most records that one call reads.
MOST: Final = 2_000
#: Records, and bytes of records, that one step in Redis looks through; the first is a short one,
#: for where everything fits, that many records must be shown to be compared.
_STEP, _STEP_BYTES = 100, 80_000
_FIRST_STEP = 30
#: In these states the one whose time comes first is first; in the others, the newest.
EARLIEST_FIRST: Final = frozenset(
    {JobState.SCHEDULED, JobState.RETRYING, JobState.ENQUEUED, JobState.RUNNING}
)
#: Where one looks first for a job without saying where it is.
_ORDER = (
    JobState.RUNNING,
    JobState.RETRYING,
    JobState.DEAD,
    JobState.ENQUEUED,
    JobState.SCHEDULED,
    JobState.COMPLETED,
    JobState.CANCELLED,
)

Slices = Iterator[tuple[int, list[JobRecord]]]


class Search:
    """The jobs that fit a query, state by state, each in the order of its list.

    Parameters:
      see: What of a job is searched for words; by default everything.
      within: The states to look in where the query names none. A whole id is found in any.
    """

    def __init__(
        self,
        ledger: Ledger,
        query: Query,
        see: Callable[[JobRecord], Seen] = see_all,
        within: Collection[JobState] = tuple(JobState),
    ) -> None:
        self.query = query
        self._states = set(query.states or within)
        #: The jobs found so far, as they were then.
        self.found: list[JobRecord] = []
        #: How many records have been read, of how many.
        self.searched = self.total = 0
        #: Nothing is left to be read.
        self.is_done = False
        self.ledger = ledger
        self._see = see
        self._ids: set[str] = set()
        self._slices: Slices | None = None

    def __repr__(self) -> str:
        return f"<Search: {len(self.found)} found, searched {self.searched:,} of {self.total:,}>"

    def __iter__(self) -> Iterator[JobRecord]:
        """Every job that fits, as it is found; stop asking, and the search stops."""
        place = 0
        while True:
            while place < len(self.found):
                yield self.found[place]
                place += 1
            if self.is_done:
                return
            self.step()

    def step(self, enough: int | None = None, seconds: float = 10.0) -> list[JobRecord]:
        """Read at most 2,000 records; returns what was found among them.

        Parameters:
          enough: Read no further once so many jobs are found in all.
          seconds: Read no further after about so long.

        Raises:
          RedisUnavailable: Redis does not answer; the next call begins once more.
        """
        before, start = len(self.found), self.searched
        deadline = time.monotonic() + seconds
        try:
            with redis_errors(self.ledger.client):
                slices = self._slices or self._begin()
                while not self.is_done and self.searched <= start + MOST - _STEP:
                    self._take_slice(slices)
                    has_enough = enough is not None and len(self.found) >= enough
                    # With all read, one step more tells whether that was all.
                    is_near = self.searched >= self.total
                    if (has_enough and not is_near) or time.monotonic() > deadline:
                        break
        except LabkitError:
            self._slices, self.searched = None, 0
            raise
        return self.found[before:]

    def _begin(self) -> Slices:
        states = self._states
        counts = self.ledger.counts()
        is_recorded = JobState.COMPLETED in counts
        delayed = {JobState.SCHEDULED, JobState.RETRYING}
        # Without records each message tells which of the two it is, so both are read.
        read = states | delayed if not is_recorded and states & delayed else states
        self.total = sum(counts.get(state, 0) for state in read)
        if is_recorded:
            self._slices = self.ledger.slices(states, self.query.needles())
            self._take_whole_ids()
        else:
            self._slices = self.ledger.stock.slices(states)
        return self._slices

    def _take_whole_ids(self) -> None:
        keys = self.ledger.keys
        for job_id in self.query.possible_ids[:4]:
            raw = self.ledger.client.hget(keys.jobs, job_id)
            if isinstance(raw, bytes):
                self._take(records.parse(job_id, raw))
                self.searched = self.total = 1
                self.is_done = True  # there is no other job of this id

    def _take_slice(self, slices: Slices) -> None:
        try:
            looked, jobs = next(slices)
        except StopIteration:
            self.is_done = True
            self.total = self.searched
            return
        self.searched += looked
        self.total = max(self.total, self.searched)
        for job in jobs:
            if job.state in self._states:
                self._take(job)

    def _take(self, job: JobRecord) -> None:
        if job.id not in self._ids and self.query.fits(job, self._see(job)):
            self._ids.add(job.id)
            self.found.append(job)


def slices_of(ledger: LedgerConnection, states: Collection[JobState], needles: list[str]) -> Slices:
    """The records in these states, a step in Redis at a time: how many were read, and what fits."""
    size = _FIRST_STEP
    for state in _ORDER:
        if state not in states:
            continue
        order = "" if state in EARLIEST_FIRST else "REV"
        score, last = "", ""
        while True:
            found = ledger.call(
                "search", state.value, order, score, last, min(size, _STEP), _STEP_BYTES, *needles
            )
            looked, score, last, *flat = found
            size *= 2
            if not looked:
                break
            yield (
                looked,
                [
                    records.parse(job_id.decode(errors="replace"), raw)
                    for job_id, raw in zip(flat[::2], flat[1::2], strict=True)
                    if raw
                ],
            )
