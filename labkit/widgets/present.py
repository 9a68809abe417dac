"""What of a job is shown, as plain data: short, without secrets, times in milliseconds.

The page and the static twin draw from the same. There is no None in it: what has not come is left
out.
"""

from __future__ import annotations

from inspect import signature
from typing import TYPE_CHECKING, Any

import dramatiq

from labkit.ledger.query import Seen
from labkit.ledger.records import JobState
from labkit.ledger.workers import UNKNOWN_HOLDER
from labkit.redact import call_text, mask, safe_text, secrets_of, shorten
from labkit.widgets import wording

if TYPE_CHECKING:
    from datetime import datetime

    from labkit.ledger.records import Attempt, JobRecord
    from labkit.ledger.workers import WorkerCard
    from labkit.widgets.looking import Picture

#: Characters of the arguments, and of an error's first line, in a row; of the arguments in full.
ARGUMENTS_WIDTH, ERROR_WIDTH, FULL_WIDTH = 120, 160, 2_000


def show_picture(picture: Picture, *, is_foreign: bool = False) -> dict[str, Any]:
    """A board's view of what the watcher saw; a foreign one is of another application."""
    state = picture.question.state
    rows = [show_job(job) for job in picture.jobs]
    for row, shown in zip(rows, picture.jobs, strict=True):
        if (holder := picture.held.get(shown.id)) == UNKNOWN_HOLDER:
            row["either"] = True
        elif holder:
            row["held"] = safe_text(holder, 80)
    view: dict[str, Any] = {
        "counts": {str(state): count for state, count in picture.counts.items()},
        "tab": str(state) if state else "recent",
        "offset": picture.offset,
        "limit": picture.question.limit,
        "title": wording.title(picture.question),
        "total": picture.counts.get(state, 0) if state else len(rows),
        "order": [row["id"] for row in rows],
        "rows": {row["id"]: row for row in rows},
        "clock": millis(picture.at),
        "live": True,
    }
    if not picture.is_recorded:
        view["stock"] = True
    if not (picture.is_recorded and picture.is_kept):
        for row in rows:
            if row["state"] == JobState.RUNNING:
                row["either"] = True
    unknown = _unknown_actors(picture.jobs, picture.workers)
    if hint := wording.hint(picture, unknown, is_foreign=is_foreign):
        view["hint"] = hint
    if not rows:
        view["empty"] = wording.empty(picture, is_foreign=is_foreign)
    if (found := picture.found) and picture.question.finding:
        view["total"] = found.hits
        view["search"] = {
            "text": safe_text(picture.question.finding.text, 300),
            "words": wording.how_far(found),
            "done": found.is_done,
            "going": found.is_going,
            "stopped": picture.question.finding.is_stopped,
        }
    for job_id, job in picture.opened.items():
        view["job"] = show_in_full(job) if job else {"id": safe_text(job_id, 80), "gone": True}
    return view


def show_job(job: JobRecord) -> dict[str, Any]:
    """One row."""
    row: dict[str, Any] = {
        "id": safe_text(job.id, 80),
        "state": str(job.state),
        "actor": safe_text(job.actor, 80),
        "arguments": _arguments(job, ARGUMENTS_WIDTH),
        "queue": safe_text(job.queue, 60),
        "attempts": len(job.attempts),
    }
    for name in ("enqueued_at", "eta", "started_at", "finished_at"):
        if when := getattr(job, name):
            row[name.removesuffix("_at")] = millis(when)
    if job.error:
        row["error"] = shorten(_without_secrets(job, job.error).split("\n")[0], ERROR_WIDTH)
    return row


def show_in_full(job: JobRecord) -> dict[str, Any]:
    """One job with every attempt."""
    shown = {
        **show_job(job),
        "arguments": _arguments(job, FULL_WIDTH),
        "tries": [_show_attempt(job, attempt) for attempt in job.attempts],
    }
    is_ahead = job.state in (JobState.SCHEDULED, JobState.RETRYING)
    return {**shown, "facts": wording.facts(shown, is_ahead=is_ahead)}


def see(job: JobRecord) -> Seen:
    """What a search may find of a job: what is shown of it, so that no masked secret is told."""
    shown = show_in_full(job)
    parts = [f"{shown['actor']} {shown['queue']}", shown["arguments"]]
    for one in shown["tries"]:
        parts += [one.get(part, "") for part in ("worker", "error", "traceback")]
    return Seen(shown["actor"], shown["queue"], "\n".join(parts))


def millis(when: datetime) -> int:
    """Milliseconds since 1970, as JavaScript counts."""
    return round(when.timestamp() * 1000)


def _show_attempt(job: JobRecord, attempt: Attempt) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "finished": millis(attempt.finished_at),
        "worker": safe_text(attempt.worker, 80),
    }
    if attempt.started_at:
        shown["started"] = millis(attempt.started_at)
    if attempt.error:
        shown["error"] = shorten(_without_secrets(job, attempt.error), FULL_WIDTH)
    if attempt.traceback:
        shown["traceback"] = _without_secrets(job, attempt.traceback)
    return shown


def _arguments(job: JobRecord, width: int) -> str:
    if job.is_cut:  # one text, of which the end is missing
        return safe_text(shorten(mask(str(job.args[0])), width)).replace("\n", " ")
    return call_text(job.args, job.kwargs, width, names_of_arguments(job.actor))


def _without_secrets(job: JobRecord, text: str) -> str:
    names = names_of_arguments(job.actor)
    return safe_text(text, hidden=secrets_of(job.args, job.kwargs, names))


def names_of_arguments(actor_name: str) -> list[str]:
    """The parameters of an actor that this process has declared; else none are known."""
    broker = dramatiq.broker.global_broker
    actor = broker.actors.get(actor_name) if broker else None
    return list(signature(actor.fn).parameters) if actor else []


def _unknown_actors(jobs: list[JobRecord], workers: list[WorkerCard]) -> list[str]:
    """Actors of waiting jobs that none of the workers has declared."""
    if not workers:
        return []
    known = {actor for worker in workers for actor in worker.actors}
    waiting = (JobState.ENQUEUED, JobState.SCHEDULED, JobState.RETRYING)
    found = {job.actor for job in jobs if job.state in waiting} - known
    return sorted(safe_text(actor, 80) for actor in found)[:3]
