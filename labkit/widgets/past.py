"""What a board shows of the past, and of its workers: beside ``present``, as plain data."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from labkit.widgets.present import millis, show_job
from labkit.widgets.redact import safe_text

if TYPE_CHECKING:
    from labkit.ledger.replay import Moment
    from labkit.widgets.watcher import Picture


def show_moment(moment: Moment) -> dict[str, Any]:
    """In place of what is: the counts and the rows as they were, and which event it was."""
    rows = [show_job(job) for job in moment.jobs]
    past: dict[str, Any] = {"place": moment.place, "length": moment.length}
    if step := moment.step:
        job = next((job for job in moment.jobs if job.id == step.job_id), None)
        past["at"] = millis(step.at)
        past["event"] = {
            "call": f"{row['actor']}({row['arguments']})"
            if (row := job and show_job(job))
            else safe_text(step.job_id, 80),
            "was": str(step.was or ""),
            "state": str(step.state or ""),
        }
    return {
        "counts": {str(state): count for state, count in moment.counts.items()},
        "tab": "recent",
        "offset": 0,
        "total": len(rows),
        "order": [row["id"] for row in rows],
        "rows": {row["id"]: row for row in rows},
        "past": past,
    }


def show_crew(picture: Picture) -> dict[str, Any]:
    """The labkit workers, and what each runs."""
    running: dict[str, dict[str, Any]] = {}
    for job in picture.running:
        running.setdefault(job.worker or "", {})[job.id] = show_job(job)
    return {
        safe_text(card.name, 80): {
            "address": safe_text(card.address, 80),
            "threads": card.threads,
            "queues": safe_text(", ".join(card.queues), 120),
            "quiet": card.is_quiet,
            "since": millis(card.since),
            "jobs": running.get(card.address, {}),
        }
        for card in picture.workers
    }
