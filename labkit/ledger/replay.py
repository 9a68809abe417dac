"""Replay: the counts, and the jobs that had changed last, as they were at an earlier event.

Nothing is stored for it. The counts are read together with the stream, at one instant, and each
event behind the wanted one is taken back. So it reaches as far as the stream does. What was dropped
to keep the records within their bounds is no event: of states at their bound, the counts of the
past are then too low by that much, and never below zero.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from labkit.ledger import records
from labkit.ledger.keys import EVENTS_KEPT
from labkit.ledger.records import JobRecord, JobState
from labkit.redis_client import redis_errors

if TYPE_CHECKING:
    from datetime import datetime

    from labkit.ledger.connection import LedgerConnection


@dataclass(frozen=True)
class Step:
    """One event of the stream."""

    at: datetime
    job_id: str
    was: JobState | None
    state: JobState | None


@dataclass(frozen=True)
class Moment:
    """What was true once an event had happened."""

    place: int  #: how many events had happened, of those that the stream knows
    length: int  #: how many it knows
    step: Step | None  #: the last of them; None before the first
    counts: dict[JobState, int]
    jobs: list[JobRecord]


class Replay:
    """The stream, and the counts at its end, as they were when it was first looked at."""

    def __init__(self) -> None:
        self._steps: list[Step] | None = None
        self._counts: dict[JobState, int] = {}
        self._last: tuple[tuple[int, int], Moment] | None = None

    def look(self, ledger: LedgerConnection, back: int, limit: int) -> Moment:
        """As it was ``back`` events before the end, with at most ``limit`` jobs.

        Further back than the stream reaches it is as before its first event.
        """
        if self._last and self._last[0] == (back, limit):
            return self._last[1]
        if self._steps is None:
            self._steps = self._load(ledger)
        place = max(0, len(self._steps) - back)
        counts = dict(self._counts)
        for step in self._steps[place:]:
            if step.state:
                counts[step.state] -= 1
            if step.was:
                counts[step.was] += 1
        counts = {state: max(0, count) for state, count in counts.items()}
        before = self._steps[:place]
        jobs = _jobs_after(ledger, before, limit)
        last = before[-1] if before else None
        moment = Moment(place, len(self._steps), last, counts, jobs)
        self._last = (back, limit), moment
        return moment

    def _load(self, ledger: LedgerConnection) -> list[Step]:
        with redis_errors(ledger.client), ledger.client.pipeline(transaction=True) as pipe:
            for state in JobState:
                pipe.zcard(ledger.keys.state(state))
            pipe.xrevrange(ledger.keys.events, count=EVENTS_KEPT)
            *counts, entries = pipe.execute()
        self._counts = dict(zip(JobState, counts, strict=True))
        steps = []
        for event_id, fields in entries:
            job_id, was, became = records.read_event(fields)
            if not job_id:  # here all was cleared
                break
            at = records.from_millis(int(event_id.split(b"-")[0]))
            steps.append(Step(at, job_id, was, became))
        return steps[::-1]


def _jobs_after(ledger: LedgerConnection, steps: list[Step], limit: int) -> list[JobRecord]:
    """The jobs of the last steps, as they were then, the one that was enqueued last in front."""
    last: dict[str, Step] = {}
    for step in reversed(steps):
        last.setdefault(step.job_id, step)
        if len(last) == limit:
            break
    if not last:
        return []
    with redis_errors(ledger.client):
        raws: Any = ledger.client.hmget(ledger.keys.jobs, list(last))
    now = steps[-1].at
    jobs = [
        _as_it_was(records.parse(job_id, raw) if raw else None, step, now)
        for (job_id, step), raw in zip(last.items(), raws, strict=True)
        if step.state
    ]
    return sorted(jobs, key=lambda job: job.enqueued_at or now, reverse=True)


def _as_it_was(job: JobRecord | None, step: Step, now: datetime) -> JobRecord:
    """A record without what came after ``now``, in the state that ``step`` left it in."""
    state = step.state or JobState.CANCELLED
    if job is None:
        return JobRecord(step.job_id, "(no longer kept)", "?", (), {}, state)
    attempts = [attempt for attempt in job.attempts if attempt.finished_at <= now]
    started = finished = None
    if state is JobState.RUNNING:
        started = job.started_at if job.started_at and job.started_at <= now else step.at
    elif attempts and state is not JobState.ENQUEUED:
        started, finished = attempts[-1].started_at, attempts[-1].finished_at
    waits = state in (JobState.SCHEDULED, JobState.RETRYING)
    return replace(
        job,
        state=state,
        eta=job.eta if waits else None,
        started_at=started,
        finished_at=finished if state.is_final else None,
        attempts=attempts,
    )
