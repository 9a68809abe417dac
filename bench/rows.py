"""The rows of the table, and which measurement fills them."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import median
from typing import Literal

Better = Literal["more", "less"]


@dataclass(frozen=True)
class Row:
    """One line of the table.

    ``has_ratio`` is False where a quotient says nothing: for a difference that may be zero, for a
    yes or no (1 or 0), and where no other queue has the like.
    """

    key: str
    title: str
    unit: str
    better: Better
    has_ratio: bool = True


ROWS = {
    row.key: row
    for row in (
        Row("each", "Enqueue, one by one", "jobs/s", "more"),
        Row("bulk", "Enqueue in bulk", "jobs/s", "more"),
        Row("drain_1x1", "Run no-op jobs: 1 process × 1 thread", "jobs/s", "more"),
        Row("drain_1x8", "Run no-op jobs: 1 × 8 (Sidekiq 1 × 10)", "jobs/s", "more"),
        Row("drain_2x8", "Run no-op jobs: 2 × 8 (Sidekiq 2 × 10)", "jobs/s", "more"),
        Row("latency_median", "Send to start, idle worker: median", "ms", "less"),
        Row("latency_p95", "Send to start, idle worker: p95", "ms", "less"),
        Row("latency_p99", "Send to start, idle worker: p99", "ms", "less"),
        Row("lateness_median", "Late by, 100,000 more scheduled: median", "ms", "less"),
        Row("lateness_p99", "Late by, 100,000 more scheduled: p99", "ms", "less"),
        Row("near_job", "A near job runs in time behind 8,001 far ones", "", "more", False),
        Row("promote", "Move due jobs to their queue", "jobs/s", "more"),
        Row("idle_requests", "Idle worker's requests to Redis", "1/s", "less"),
        Row("memory", "Worker's memory, idle", "MiB", "less"),
        Row("memory_growth", "… and more with 100,000 scheduled", "MiB", "less", False),
        Row(
            "kill_done",
            "Of 40 jobs, 8 in hand at kill -9: done by the next worker",
            "jobs",
            "more",
            False,
        ),
        Row("kill_lost", "… and neither done nor kept: lost", "jobs", "less", False),
        Row("counts_few", "Ledger's counts, Redis time, at 100 jobs", "µs", "less", False),
        Row("counts_many", "Ledger's counts, Redis time, at 1,000,000", "µs", "less", False),
        Row("page_few", "Any page of 50, Redis time, at 100 jobs", "µs", "less", False),
        Row("page_many", "Any page of 50, Redis time, at 1,000,000", "µs", "less", False),
        Row("bytes", "Ledger's memory a job, at 1,000,000", "bytes", "less", False),
    )
}

#: Row -> system -> one value a round.
Values = dict[str, dict[str, list[float]]]


def medians(values: Values) -> dict[str, dict[str, float]]:
    """The table's figures: of each row, of each system."""
    return {
        key: {name: median(rounds) for name, rounds in systems.items() if rounds}
        for key, systems in values.items()
    }


def ratio(row: Row, value: float, of_labkit: float | None) -> float | None:
    """``value`` where labkit's is 1; None where the row has no ratios, or labkit no value."""
    if not row.has_ratio or not of_labkit:
        return None
    return value / of_labkit


def percentile(seconds: list[float], share: float) -> float:
    """The value that ``share`` of them do not exceed."""
    ordered = sorted(seconds)
    return ordered[max(0, min(len(ordered) - 1, round(share * len(ordered)) - 1))]
