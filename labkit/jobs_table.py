"""Jobs as tables of a terminal, for ``labkit jobs``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.table import Table
from rich.text import Text

from labkit.ledger.records import JobState

if TYPE_CHECKING:
    from datetime import datetime

    from labkit.ledger.records import JobRecord

#: Characters of a job's arguments, and of its error, that a row shows.
WIDTH = 40


def counts_table(counts: dict[JobState, int]) -> Table:
    """One row: how many jobs are in each state."""
    table = Table(*(state.value for state in counts))
    table.add_row(*(str(count) for count in counts.values()))
    return table


def jobs_table(state: JobState, jobs: list[JobRecord], total: int) -> Table:
    """One row a job; the title says of how many."""
    waits = state in (JobState.SCHEDULED, JobState.RETRYING)
    table = Table(
        "id",
        "job",
        "queue",
        "due" if waits else "since",
        "error",
        title=f"{state.value}: {len(jobs)} of {total}",
        title_justify="left",
    )
    for job in jobs:
        when = job.eta if waits else job.finished_at or job.started_at or job.enqueued_at
        # Text, because a job's arguments may look like rich's own markup.
        table.add_row(
            Text(job.id, overflow="fold"),
            Text(f"{job.actor}({_arguments(job)})"),
            Text(job.queue),
            Text(_clock(when)),
            Text(_short(job.error or "")),
        )
    return table


def _arguments(job: JobRecord) -> str:
    words = [repr(value) for value in job.args]
    words += [f"{name}={value!r}" for name, value in job.kwargs.items()]
    return _short(", ".join(words))


def _short(text: str) -> str:
    line = "".join(c if c.isprintable() else " " for c in text)
    return line if len(line) <= WIDTH else line[: WIDTH - 1] + "…"


def _clock(when: datetime | None) -> str:
    return when.astimezone().strftime("%Y-%m-%d %H:%M:%S") if when else ""
