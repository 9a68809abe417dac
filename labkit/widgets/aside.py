"""Aside: what a look brings along beside counts and jobs, for who wants it, and how it is shown.

Why an opened job waits and what holds it; the workers and what they run; the last minutes; and, in
place of what is, a moment of the past.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from labkit.ledger import processes, whereabouts
from labkit.ledger.records import JobState
from labkit.redact import safe_text
from labkit.widgets import wording
from labkit.widgets.present import millis, show_job
from labkit.widgets.raw import show_place

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from labkit.ledger.history import Minute, Recent
    from labkit.ledger.reader import Ledger
    from labkit.ledger.records import JobRecord
    from labkit.ledger.replay import Moment, Replay
    from labkit.ledger.whereabouts import Whereabouts
    from labkit.ledger.workers import WorkerCard

#: Running jobs that are looked at for the list of workers.
_MOST_RUNNING = 100


@dataclass(frozen=True)
class Wish:
    """What a reader wants besides."""

    closely: bool = False  #: where the opened jobs are, and why they wait
    crew: bool = False  #: what the workers run
    recent: Recent | None = None  #: the last ``minutes``, through this
    minutes: int = 0
    replay: Replay | None = None  #: as it was ``back`` events before the end of this
    back: int = 0


@dataclass(frozen=True)
class Aside:
    """What came of a wish."""

    places: dict[str, Whereabouts] = field(default_factory=dict)
    running: list[JobRecord] | None = None
    memory: dict[str, int] = field(default_factory=dict)  #: of the workers here, in MiB
    ends: frozenset[str] = frozenset()  #: workers that can be stopped and killed from here
    minutes: list[Minute] = field(default_factory=list)
    moment: Moment | None = None


def look(
    ledger: Ledger,
    wish: Wish,
    opened: Mapping[str, JobRecord | None],
    workers: Sequence[WorkerCard],
    limit: int,
    at: datetime,
) -> Aside:
    """Ask Redis for what the wish names, and for nothing else."""
    places = {}
    if wish.closely:
        places = {
            job_id: whereabouts.find(ledger, job, workers, at)
            for job_id, job in opened.items()
            if job
        }
    running = ledger.jobs(JobState.RUNNING, limit=_MOST_RUNNING) if wish.crew else None
    crew = workers if wish.crew else ()
    memory = {card.name: taken for card in crew if (taken := processes.memory(card))}
    ends = frozenset(card.name for card in crew if processes.can_end(card))
    minutes = wish.recent.read(ledger, at.timestamp(), wish.minutes) if wish.recent else []
    moment = wish.replay.look(ledger, wish.back, limit) if wish.replay else None
    return Aside(places, running, memory, ends, minutes, moment)


def show(
    aside: Aside, jobs: Sequence[JobRecord], workers: Sequence[WorkerCard], view: dict[str, Any]
) -> dict[str, Any]:
    """A board's view with all that; ``jobs`` are those of its rows and the opened ones."""
    for job in jobs:
        row = view["rows"].get(safe_text(job.id, 80))
        if row and (short := whereabouts.short_reason(job, workers)):
            row["waits"] = safe_text(short, 80)
        if "job" in view and job.id in aside.places:
            view["job"] |= show_place(job, aside.places[job.id])
    if aside.running is not None:
        view["crew"] = _show_crew(workers, aside)
    if aside.moment is None:
        return view
    for now in ("job", "empty"):  # they are as it is now
        view.pop(now, None)
    return view | _show_moment(aside.moment)


def _show_crew(workers: Sequence[WorkerCard], aside: Aside) -> dict[str, Any]:
    by_worker: dict[str | None, dict[str, Any]] = {}
    for job in aside.running or ():
        by_worker.setdefault(job.worker, {})[safe_text(job.id, 80)] = show_job(job)
    return {
        safe_text(card.name, 80): {
            "address": safe_text(card.address, 80),
            "threads": card.threads,
            "queues": safe_text(
                ", ".join(q + " (paused)" * (q in card.paused) for q in card.queues), 120
            ),
            "quiet": card.is_quiet,
            "memory": aside.memory.get(card.name, 0),
            "here": card.name in aside.ends,
            "jobs": by_worker.get(card.address, {}),
        }
        for card in workers
    }


def _show_moment(moment: Moment) -> dict[str, Any]:
    rows = {safe_text(job.id, 80): show_job(job) for job in moment.jobs}
    past: dict[str, Any] = {"place": moment.place, "length": moment.length}
    call = was = state = ""
    if step := moment.step:
        row = rows.get(safe_text(step.job_id, 80))
        call = f"{row['actor']}({row['arguments']})" if row else safe_text(step.job_id, 80)
        was, state = str(step.was or ""), str(step.state or "")
        past["at"] = millis(step.at)
    past["words"] = wording.moment(moment.place, moment.length, call, was, state)
    return {
        "counts": {str(state): count for state, count in moment.counts.items()},
        "tab": "recent",
        "offset": 0,
        "total": len(rows),
        "order": list(rows),
        "rows": rows,
        "past": past,
        "title": "The jobs that changed last",
        **({} if rows else {"empty": ("No jobs yet", "Nothing had been sent by then.", "")}),
    }
