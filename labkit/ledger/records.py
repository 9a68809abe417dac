"""The nouns of the ledger: a job's state, its record, its attempts, and the events between.

A record is stored as a few lines of text, one Redis hash field a job::

    completed 5f0c 1763900000000 - 1763900000120 1763900000125 0 host:4711
    {"queue_name":"default","actor_name":"task_logger","args":[7],"kwargs":{}}

The first line is what changes, and the only line that Lua reads: state, delivery, when it was
enqueued, when it is due, when it started and finished, how often its worker was lost, its worker.
The second is what was sent. Each further line is an attempt that failed. JSON never holds a raw
line break, so lines suffice; Lua's own JSON is not used because it turns ``[]`` into ``{}`` and
rounds integers past 2**53.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

#: A record holds at most this much of a job's arguments (characters of JSON); the message itself
#: is never cut.
ARGUMENTS_LIMIT = 2_000
#: … and at most this much of a traceback, its end, where the error stands.
TRACEBACK_LIMIT = 4_000


_encoder = json.JSONEncoder(separators=(",", ":"), default=repr)


class JobState(StrEnum):
    """Where a job is. Every job is in exactly one state."""

    SCHEDULED = "scheduled"  #: waits for its time
    ENQUEUED = "enqueued"  #: waits for a worker
    RUNNING = "running"  #: a worker's thread is in its body
    RETRYING = "retrying"  #: has failed, and waits for its next attempt
    COMPLETED = "completed"
    DEAD = "dead"  #: has failed for good: a dead letter
    CANCELLED = "cancelled"  #: was taken away, or skipped, before it ran

    @property
    def is_final(self) -> bool:
        """Whether no worker will touch the job again by itself."""
        return self in (JobState.COMPLETED, JobState.DEAD, JobState.CANCELLED)


@dataclass(frozen=True)
class Attempt:
    """One run of a job's body that ended, well or badly."""

    started_at: datetime | None
    finished_at: datetime
    worker: str  #: ``host:pid``
    error: str | None = None  #: ``ValueError: no such task``
    traceback: str | None = None


@dataclass(frozen=True)
class JobRecord:
    """What is known of one job. Times are aware (UTC), and None where they have not come."""

    id: str
    actor: str
    queue: str
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    state: JobState
    enqueued_at: datetime | None = None
    eta: datetime | None = None
    started_at: datetime | None = None
    finished_at: datetime | None = None
    attempts: list[Attempt] = field(default_factory=list)
    #: The arguments were longer than a record holds: ``args`` is then one shortened text.
    is_cut: bool = False
    #: How often it was taken back from a worker that died; it may then have run more than once.
    times_lost: int = 0
    #: Who runs it, or ran it last: ``host:pid``.
    worker: str | None = None

    @property
    def error(self) -> str | None:
        """The error of the last attempt, as ``Type: message``; None when it went well."""
        return self.attempts[-1].error if self.attempts else None


@dataclass(frozen=True)
class JobEvent:
    """One change of state. ``state`` is None for the one event that says: all was cleared."""

    id: str  #: of the event: give it to ``Ledger.events(after=…)`` to go on from here
    job_id: str
    state: JobState | None
    previous: JobState | None
    actor: str
    queue: str
    at: datetime


def describe(actor: str, queue: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> str:
    """A record's second line: what was sent, cut where it is long."""
    sent: dict[str, Any] = {"queue_name": queue, "actor_name": actor, "args": args}
    line = _json(sent | {"kwargs": kwargs})
    if len(line) <= ARGUMENTS_LIMIT:
        return line
    text = _json({"args": args, "kwargs": kwargs})[:ARGUMENTS_LIMIT] + "…"
    return _json(sent | {"args": [text], "kwargs": {}, "cut": 1})


def describe_attempt(worker: str, error: str, traceback: str) -> str:
    """The end of an attempt's line; Lua puts times and delivery in front of it."""
    attempt = {"worker": worker}
    if error:
        attempt["error"] = error[:ARGUMENTS_LIMIT]
        attempt["traceback"] = traceback[-TRACEBACK_LIMIT:]
    return _json(attempt)[1:]


def parse(job_id: str, raw: bytes) -> JobRecord:
    """The stored lines as a record.

    Lines that somebody mangled still give a record, so that one of them cannot hide the rest: its
    actor then reads ``(unreadable record)``.
    """
    lines = raw.decode("utf-8", errors="replace").split("\n")
    try:
        state, _delivery, enqueued, eta, started, finished, lost, worker = lines[0].split(" ")
        sent = json.loads(lines[1])
        attempts = [_parse_attempt(line) for line in lines[2:]]
        if state == JobState.COMPLETED and worker != "-":
            attempts.append(Attempt(_instant(started), from_millis(int(finished)), worker))
        return JobRecord(
            id=job_id,
            actor=str(sent["actor_name"]),
            queue=str(sent["queue_name"]).removesuffix(".DQ"),
            args=tuple(sent["args"]),
            kwargs=dict(sent["kwargs"]),
            state=JobState(state),
            enqueued_at=_instant(enqueued),
            eta=_instant(eta),
            started_at=_instant(started),
            finished_at=_instant(finished),
            attempts=attempts,
            is_cut=bool(sent.get("cut")),
            times_lost=int(lost),
            worker=None if worker == "-" else worker,
        )
    except (ValueError, KeyError, TypeError, IndexError, AttributeError, RecursionError):
        state = lines[0].split(" ")[0]
        known = JobState(state) if state in set(JobState) else JobState.DEAD
        return JobRecord(job_id, "(unreadable record)", "?", (), {}, known)


def read_event(fields: dict[bytes, bytes]) -> tuple[str, JobState | None, JobState | None]:
    """An entry of the stream: the job's id, the state that it left, and the one it came into.

    The id is empty where all was cleared; of an entry that is none of ours it is ``?``.
    """
    was, state = (_known_state(fields.get(name, b"")) for name in (b"was", b"state"))
    return fields.get(b"job", b"?").decode(errors="replace"), was, state


def _known_state(word: bytes) -> JobState | None:
    text = word.decode(errors="replace")
    return JobState(text) if text in set(JobState) else None


def _parse_attempt(line: str) -> Attempt:
    stored = json.loads(line)
    finished = from_millis(int(stored["finished"]))
    return Attempt(
        started_at=None if stored["started"] is None else from_millis(int(stored["started"])),
        finished_at=finished,
        worker=str(stored["worker"]),
        error=_words(stored.get("error")),
        traceback=_words(stored.get("traceback")),
    )


def _words(value: Any) -> str | None:
    return value if value is None or isinstance(value, str) else repr(value)


def from_millis(millis: int) -> datetime:
    """Milliseconds since 1970 as an aware datetime; what no datetime can hold becomes its limit."""
    try:
        return datetime.fromtimestamp(millis / 1000, UTC)
    except (OverflowError, ValueError, OSError):
        return (datetime.max if millis > 0 else datetime.min).replace(tzinfo=UTC)


def _instant(text: str) -> datetime | None:
    return None if text == "-" else from_millis(int(text))


def _json(value: Any) -> str:
    # Arguments have already been through the message's encoder; with another encoder than JSON
    # (pickle) they may hold anything, and the record then shows their repr.
    return _encoder.encode(value)
