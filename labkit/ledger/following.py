"""What somebody who watches a ledger asks of it, beside the questions that ``Ledger`` answers.

It is level-triggered: wait until *something* has changed, then look at what is to be seen. Looking
then costs the same however many jobs went by in between.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from labkit.ledger import records
from labkit.redis_client import redis_errors

if TYPE_CHECKING:
    from datetime import datetime

    from labkit.ledger.reader import Ledger
    from labkit.ledger.records import JobRecord

#: Changes of state that are looked through for one job in the list of those that changed last; a
#: job has about three.
_EVENTS_A_JOB = 5


def position(ledger: Ledger) -> str:
    """The id of the newest event: what comes behind it is new to whoever looks after this call."""
    with redis_errors(ledger.client):
        newest: Any = ledger.client.xrevrange(ledger.keys.events, count=1)
    return newest[0][0].decode() if newest else "0"


def wait(ledger: Ledger, after: str, block: int) -> bool:
    """Wait up to ``block`` milliseconds for an event behind ``after``; whether there is one."""
    with redis_errors(ledger.client):
        return bool(ledger.client.xread({ledger.keys.events: after}, count=1, block=block))


def signs(ledger: Ledger) -> object:
    """What is different whenever stock Dramatiq has done something, or labkit has come to it.

    Every step of stock Dramatiq is also a heartbeat of whoever makes it.
    """
    with redis_errors(ledger.client):
        return ledger.client.zunion(
            [f"{ledger.namespace}:__heartbeats__", ledger.keys.queues], withscores=True
        )


def recent(ledger: Ledger, limit: int = 10) -> list[JobRecord]:
    """The jobs that changed last, in the order in which they were enqueued, newest first.

    That order holds still while the jobs move from state to state.
    """
    with redis_errors(ledger.client):
        entries: Any = ledger.client.xrevrange(ledger.keys.events, count=limit * _EVENTS_A_JOB)
        order: dict[str, tuple[int, ...]] = {}
        for event_id, fields in entries:
            job_id, _, _ = records.read_event(fields)
            if not job_id:  # here all was cleared
                break
            if job_id in order or len(order) < limit:
                # At last its oldest event here: it tells jobs of one millisecond apart.
                order[job_id] = tuple(int(part) for part in event_id.split(b"-"))
        raws: Any = ledger.client.hmget(ledger.keys.jobs, list(order)) if order else []
        if not entries and not ledger.is_recorded():
            return ledger.stock.recent(limit)
    jobs = [records.parse(job_id, raw) for job_id, raw in zip(order, raws, strict=True) if raw]
    if order and not jobs:  # all that changed last was deleted: then what is left
        jobs = [job for state in records.JobState for job in ledger.jobs(state, limit=limit)]
    jobs.sort(key=lambda job: (_seconds(job.enqueued_at), order.get(job.id, ())), reverse=True)
    return ledger.recent(jobs[:limit], limit)


def again(ledger: Ledger, jobs: list[JobRecord]) -> list[JobRecord]:
    """The same jobs as they are by now; one that is no longer known stays as it was."""
    if not jobs or not ledger.is_kept or not ledger.is_recorded():
        return jobs
    with redis_errors(ledger.client):
        raws: Any = ledger.client.hmget(ledger.keys.jobs, [job.id for job in jobs])
    return [records.parse(job.id, raw) if raw else job for job, raw in zip(jobs, raws, strict=True)]


def clock(ledger: Ledger) -> float:
    """The server's clock, in seconds since 1970: the one that stamps every event."""
    with redis_errors(ledger.client):
        now: Any = ledger.client.time()
    return float(now[0]) + float(now[1]) / 1_000_000


def _seconds(when: datetime | None) -> float:
    return when.timestamp() if when else 0.0
