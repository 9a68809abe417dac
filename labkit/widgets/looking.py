"""Looking: what somebody wants to see of a ledger, and one look at it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import redis

from labkit.errors import LabkitError
from labkit.ledger import following
from labkit.ledger.records import JobState
from labkit.widgets import aside
from labkit.widgets.aside import Aside, Wish

if TYPE_CHECKING:
    from labkit.ledger.reader import Ledger
    from labkit.ledger.records import JobRecord
    from labkit.ledger.workers import WorkerCard
    from labkit.widgets.finding import Finding, Found

#: What a look raises where Redis does not answer, or refuses.
LOST = (LabkitError, redis.RedisError, OSError)


@dataclass(frozen=True)
class Question:
    """What a reader wants to see: one page of the jobs in a state, and some jobs in full."""

    state: JobState | None = None  #: None: the jobs that changed last
    offset: int = 0
    limit: int = 10
    job_ids: tuple[str, ...] = ()
    finding: Finding | None = None  #: the page is of what this search finds
    wish: Wish = field(default_factory=Wish)


@dataclass(frozen=True)
class Picture:
    """What Redis answered, all within a millisecond or two."""

    question: Question
    #: Without completed and cancelled ones where stock Dramatiq alone is at work.
    counts: dict[JobState, int]
    jobs: list[JobRecord]
    offset: int  #: of the first of ``jobs``: the last page's, where the question's is behind it
    opened: dict[str, JobRecord | None]
    workers: list[WorkerCard]
    at: datetime  #: by the server's clock
    aside: Aside = field(default_factory=Aside)
    found: Found | None = None
    #: Of the waiting jobs shown, those that a worker has fetched already, and its ``host:pid``.
    held: dict[str, str] = field(default_factory=dict)
    prefetched: int = 0  #: how many of all waiting jobs are so

    #: Whether the records are true; else running jobs are running or prefetched.
    is_kept: bool = True

    @property
    def is_recorded(self) -> bool:
        """Whether a ledger is kept there."""
        return JobState.COMPLETED in self.counts


def look_now(ledger: Ledger, question: Question) -> Picture:
    """Answer one question by itself."""
    counts = ledger.counts()
    workers = ledger.workers() if JobState.COMPLETED in counts else []
    at = datetime.fromtimestamp(following.clock(ledger), UTC)
    return look(ledger, question, counts, workers, at)


def look(
    ledger: Ledger,
    question: Question,
    counts: dict[JobState, int],
    workers: list[WorkerCard],
    at: datetime,
) -> Picture:
    """Answer one question; ``counts`` and ``workers`` are of this moment, too."""
    offset, found = question.offset, None
    if question.finding is not None:
        found = question.finding.go_on(ledger, offset, question.limit)
        offset, jobs = found.offset, found.jobs
    elif question.state is None:
        offset, jobs = 0, following.recent(ledger, question.limit)
    else:
        last = max(0, counts.get(question.state, 0) - 1)
        offset = min(offset, last - last % question.limit)
        jobs = ledger.jobs(question.state, offset=offset, limit=question.limit)
    opened = {job_id: ledger.job(job_id) for job_id in question.job_ids}
    held: dict[str, str] = {}
    prefetched = 0
    if counts.get(JobState.ENQUEUED) and JobState.COMPLETED in counts:
        waiting = [job.id for job in jobs if job.state is JobState.ENQUEUED]
        held, prefetched = ledger.prefetched(waiting)
    # Where a job is stands in Dramatiq's keys; all else that stands beside is the ledger's to tell.
    wish = question.wish
    if JobState.COMPLETED not in counts:
        wish = Wish(closely=wish.closely)
    beside = aside.look(ledger, wish, opened, workers, question.limit, at)
    return Picture(
        question,
        counts,
        jobs,
        offset,
        opened,
        workers,
        at,
        beside,
        found,
        held,
        prefetched,
        ledger.is_kept,
    )
