"""Bystander: a ledger for one who may only look, where nobody may be keeping the records true.

A labkit worker brings the records up to what stock workers did, once a second. Where stock workers
are at work and no labkit worker lives, the records grow old, and a bystander writes none: it takes
what waits, runs and is dead from Dramatiq's own keys, and a job whose record waits while these keys
hold nothing of it as completed elsewhere.
"""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import UTC, datetime
from itertools import chain
from typing import TYPE_CHECKING, Any

from labkit.ledger import records
from labkit.ledger.foreign import record_of
from labkit.ledger.reader import Ledger
from labkit.ledger.reconcile import PAGE, Reconciler
from labkit.ledger.records import Attempt, JobState
from labkit.redis_client import redis_errors

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    from labkit.ledger.records import JobRecord
    from labkit.ledger.search import Slices

#: Seconds between two passes, and what one may take; the first is to see everything.
PASS, BUDGET, FIRST_BUDGET = 0.9, 0.05, 0.5
#: Completed jobs of others that are remembered, as many as a ledger keeps by itself.
MOST = 10_000
_WAITING = (JobState.ENQUEUED, JobState.RUNNING, JobState.SCHEDULED, JobState.RETRYING)
_SUFFIXES = ("", ".DQ", ".XQ")


class Bystander(Ledger):
    """A read-only ``Ledger``; see there. ``counts`` looks, once a second, whether it is kept."""

    def __init__(self, *args: Any, **how: Any) -> None:
        super().__init__(*args, **how, read_only=True)
        self._reconciler = Reconciler(self.client, self.namespace, self.call)
        self._next_pass = 0.0
        self._work: Iterator[None] | None = None
        #: Jobs that are over, and when that was noticed.
        self._gone: dict[str, datetime] = {}
        #: Deliveries of stock Dramatiq's, and the jobs in them.
        self._theirs: dict[bytes, str] = {}

    def counts(self) -> dict[JobState, int]:
        """As ``Ledger.counts``, of what is true by now."""
        counts = super().counts()
        if JobState.COMPLETED not in counts:
            return counts
        with redis_errors(self.client):
            if time.monotonic() > self._next_pass:
                self._catch_up()
            if self.is_kept:
                return counts
            now = self.stock.counts()
        counts[JobState.COMPLETED] += len(self._over())
        return counts | now

    def job(self, message_id: str) -> JobRecord | None:
        """As ``Ledger.job``."""
        job = super().job(message_id)
        if self.is_kept or (job and job.state in (JobState.COMPLETED, JobState.CANCELLED)):
            return job
        if job and message_id in self._over():
            return self._ended(job)
        with redis_errors(self.client):
            found = self.stock.job(message_id)
        return _joined(found, job) if found else job

    def prefetched(self, job_ids: Sequence[str] = ()) -> tuple[dict[str, str], int]:
        """As ``Ledger.prefetched``; of a stock worker nobody can tell what it runs."""
        return super().prefetched(job_ids) if self.is_kept else ({}, 0)

    def recent(self, jobs: list[JobRecord], limit: int) -> list[JobRecord]:
        """The jobs that changed last: those in Dramatiq's keys, and those that are over."""
        if self.is_kept:
            return jobs
        ended = [job for job in jobs if job.state in (JobState.COMPLETED, JobState.CANCELLED)]
        ended += self._read(self._over()[:limit])
        now = self._join(self.stock.recent(limit))
        known = {job.id: job for job in (*ended, *now)}
        oldest = records.from_millis(0)
        place = {job.id: -at for at, job in enumerate(jobs)}  # tells those of one millisecond apart
        newest = sorted(
            known.values(),
            key=lambda job: (job.enqueued_at or oldest, place.get(job.id, -limit)),
            reverse=True,
        )
        return newest[:limit]

    def slices(self, states: Collection[JobState], needles: list[str]) -> Slices:
        """As ``Ledger.slices``."""
        if self.is_kept:
            return super().slices(states, needles)
        live = set(states) - {JobState.COMPLETED, JobState.CANCELLED}
        over = self._over() if JobState.COMPLETED in states else []
        pages = (over[first : first + PAGE] for first in range(0, len(over), PAGE))
        return chain(
            ((size, self._join(jobs)) for size, jobs in self.stock.slices(live)),
            ((len(page), self._read(page)) for page in pages),
            super().slices(set(states) - live, needles),
        )

    def _read_page(self, state: JobState, offset: int, limit: int) -> list[JobRecord]:
        if self.is_kept or state is JobState.CANCELLED:
            return super()._read_page(state, offset, limit)
        if state is not JobState.COMPLETED:
            with redis_errors(self.client):
                return self._join(self.stock.page(state, None, offset, limit))
        over = self._over()
        page = self._read(over[offset : offset + limit])
        rest = super()._read_page(state, max(0, offset - len(over)), limit - len(page))
        return page + rest

    # -- what has become of the records ----------------------------------------------------------

    def _over(self) -> list[str]:
        """Those that are completed, the latest first: gone, and not in another delivery either."""
        theirs = set(self._theirs.values())
        return [job_id for job_id in reversed(self._gone) if job_id not in theirs]

    def _read(self, job_ids: Sequence[str]) -> list[JobRecord]:
        raws: Any = self.client.hmget(self.keys.jobs, job_ids) if job_ids else []
        pairs = zip(job_ids, raws, strict=True)
        return [self._ended(records.parse(job_id, raw)) for job_id, raw in pairs if raw]

    def _ended(self, job: JobRecord) -> JobRecord:
        at = self._gone[job.id]
        attempts = [*job.attempts, Attempt(None, at, "elsewhere")]
        return replace(
            job,
            state=JobState.COMPLETED,
            started_at=None,
            finished_at=at,
            attempts=attempts,
            worker="elsewhere",
        )

    def _join(self, jobs: list[JobRecord]) -> list[JobRecord]:
        ids = [job.id for job in jobs]
        raws: Any = self.client.hmget(self.keys.jobs, ids) if ids else []
        pairs = zip(jobs, raws, strict=True)
        return [_joined(job, records.parse(job.id, raw) if raw else None) for job, raw in pairs]

    def _catch_up(self) -> None:
        self.is_kept = bool(self.workers()) or not self._reconciler.is_needed()
        if self.is_kept:
            self._work = None
        else:
            deadline = time.monotonic() + (BUDGET if self._work else FIRST_BUDGET)
            self._work = self._work or self._look_around()
            for _ in self._work:
                if time.monotonic() > deadline:
                    break
        self._next_pass = time.monotonic() + PASS

    def _look_around(self) -> Iterator[None]:
        """Look for what stock Dramatiq has sent, taken and ended, a page at a time, for ever."""
        while True:
            gone: set[str] = set()
            for state in _WAITING:
                first, size = 0, PAGE
                while size == PAGE:
                    size, *found = self.call("vanished", state.value, first, first + PAGE - 1)
                    first += size
                    gone |= {one.decode(errors="replace") for one in found}
                    at = datetime.now(UTC)
                    for job_id in sorted(gone - self._gone.keys()):
                        self._gone[job_id] = at
                    yield
            # After that: a delivery that took another's place is there before the other goes.
            theirs: dict[bytes, str] = {}
            for queue in self._reconciler.queues():
                for suffix in _SUFFIXES:
                    for name, job_id in self._foreign(queue, suffix):
                        theirs[name] = self._theirs[name] = job_id
                    yield
            self._theirs = theirs
            kept = [(job_id, at) for job_id, at in self._gone.items() if job_id in gone]
            self._gone = dict(kept[-MOST:])
            yield

    def _foreign(self, queue: str, suffix: str) -> Iterator[tuple[bytes, str]]:
        cursor = -1
        while cursor:
            reply: Any = self.client.hscan(
                f"{self.namespace}:{queue}{suffix}.msgs", max(0, cursor), count=PAGE
            )
            cursor, found = reply
            for name, payload in found.items():
                if b"#" not in name:
                    known = self._theirs.get(name)
                    yield name, known or record_of(name, payload, queue, None, suffix).id


def _joined(job: JobRecord, record: JobRecord | None) -> JobRecord:
    """What Dramatiq's keys say of a job, with what its record knows besides."""
    if record is None:
        return job
    known = {attempt.finished_at for attempt in record.attempts}
    attempts = record.attempts + [one for one in job.attempts if one.finished_at not in known]
    return replace(record, state=job.state, eta=job.eta, attempts=attempts, finished_at=None)
