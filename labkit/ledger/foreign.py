"""Foreign: a message that stock Dramatiq wrote, as a record: what is known of it stands in it."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from labkit.codec import decode
from labkit.ledger import records
from labkit.ledger.records import Attempt, JobRecord, JobState

_WAITING = {"": JobState.ENQUEUED, ".DQ": JobState.SCHEDULED, ".XQ": JobState.DEAD}


def record_of(
    delivery: bytes, payload: bytes, queue: str, state: JobState | None, suffix: str
) -> JobRecord:
    """The record of a message in ``queue`` with ``suffix`` (nothing, ``.DQ`` or ``.XQ``).

    A delayed message that has failed before is retrying, whatever ``state`` says.
    """
    name = delivery.decode(errors="replace")
    state = state or _WAITING[suffix]
    try:
        message = decode(payload, name)
        options = message.options
        if suffix == ".DQ":
            state = JobState.RETRYING if options.get("retries") else JobState.SCHEDULED
        return JobRecord(
            id=message.message_id,
            actor=message.actor_name,
            queue=queue,
            args=tuple(message.args),
            kwargs=message.kwargs,
            state=state,
            enqueued_at=_instant(message.message_timestamp),
            eta=_instant(options.get("eta")) if suffix == ".DQ" else None,
            attempts=attempts_of(options),
        )
    except (ValueError, TypeError):
        return JobRecord(name, "(unreadable message)", queue, (), {}, state)


def attempts_of(options: dict[str, Any]) -> list[Attempt]:
    """The last failed attempt, of which stock Dramatiq keeps the traceback in the message."""
    traceback = options.get("traceback")
    ended = _instant(options.get("requeue_timestamp"))
    if not isinstance(traceback, str) or not traceback.strip() or ended is None:
        return []
    error = last_line(traceback)
    return [Attempt(None, ended, "elsewhere", error, traceback[-records.TRACEBACK_LIMIT :])]


def describe_last_attempt(options: dict[str, Any]) -> str:
    """The same as a line of a record; empty where stock kept none."""
    for attempt in attempts_of(options):
        ended = int(attempt.finished_at.timestamp() * 1000)
        rest = records.describe_attempt(
            attempt.worker, attempt.error or "", attempt.traceback or ""
        )
        return f'{{"started":null,"finished":{ended},{rest}'
    return ""


def last_line(traceback: str) -> str:
    """``ValueError: no such task``: the error itself, which may have several lines."""
    lines = traceback.rstrip().split("\n")
    # What is indented belongs to the frames; a message of several lines begins behind the last.
    frames = [place for place, line in enumerate(lines) if line.startswith(" ")]
    return "\n".join(lines[frames[-1] + 1 if frames else 0 :]) or lines[-1]


def _instant(millis: Any) -> datetime | None:
    return records.from_millis(int(millis)) if isinstance(millis, int | float) else None
