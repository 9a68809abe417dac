"""The static twin: a board as HTML that GitHub, nbconvert and an untrusted notebook show too.

A plain table that reads well without any style, with inline style where a viewer lets it be; no
``<style>``, no ``<svg>``, no script. Times are ``2026-11-23 14:03:22`` or ``14:03:22`` (UTC) and
durations ``12 ms``, ``1.2 s`` or ``3 min 20 s``, so that whoever compares two runs can tell what
may differ.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from html import escape
from typing import TYPE_CHECKING, Any, Final

from labkit.ledger import following
from labkit.ledger.records import JobState, from_millis
from labkit.redact import safe_text
from labkit.widgets import wording
from labkit.widgets.present import show_job

if TYPE_CHECKING:
    from collections.abc import Sequence

    from labkit.ledger.reader import Ledger
    from labkit.ledger.records import JobRecord
    from labkit.widgets.looking import Question

#: A shape for each state, so that it can be told without its colour, and a colour that can be read
#: on white and on black.
SHAPES: Final = {
    JobState.SCHEDULED: ("◷", "#8a63d2"),
    JobState.ENQUEUED: ("≡", "#3b82c4"),
    JobState.RUNNING: ("▶", "#0f8f8f"),
    JobState.RETRYING: ("↻", "#c27803"),
    JobState.COMPLETED: ("✓", "#2f9e44"),
    JobState.DEAD: ("✕", "#d6453d"),
    JobState.CANCELLED: ("⊘", "#808080"),
}
_CELL = "text-align:left;padding:4px 12px 4px 0;vertical-align:top;white-space:nowrap"
_LONG_CELL = _CELL.replace("nowrap", "normal")
_QUIET = "opacity:.75"


@dataclass(frozen=True)
class Snapshot:
    """A board at one moment; as the last value of a cell it is displayed."""

    html: str
    text: str

    def __repr__(self) -> str:
        return self.text

    def _repr_mimebundle_(self, **_: Any) -> dict[str, str]:
        return {"text/html": self.html, "text/plain": self.text}


def stand_in(what: str, advice: str = "") -> str:
    """What a stored notebook shows in a live widget's place; always the same, to be compared."""
    more = f" {escape(advice)}." if advice else ""
    return (
        f'<p style="{_QUIET}"><em>A live {escape(what)} is here while the notebook runs: '
        f"run the cell to see it.{more}</em></p>"
    )


def take(ledger: Ledger, question: Question) -> Snapshot:
    """Read the list that the question asks for, and draw it.

    Raises:
      RedisUnavailable: Redis does not answer.
    """
    state, heading = question.state, escape(wording.title(question))
    if question.finding is not None:
        finding = question.finding.anew()
        jobs = finding.go_on(ledger, question.offset, question.limit).jobs
    elif state is None:
        jobs = following.recent(ledger, question.limit)
    else:
        jobs = ledger.jobs(state, offset=question.offset, limit=question.limit)
    return draw(ledger, jobs, heading)


def draw(ledger: Ledger, jobs: Sequence[JobRecord], title: str) -> Snapshot:
    """The counts as they are now, and these jobs.

    Raises:
      RedisUnavailable: Redis does not answer.
    """
    counts = ledger.counts()
    at = datetime.fromtimestamp(following.clock(ledger), UTC)
    rows = "".join(_row(show_job(job), at) for job in jobs)
    body = f"<p><strong>Job board</strong> · {_counts(counts)}</p>"
    if rows:
        head = "".join(f'<th style="{_CELL}">{name}</th>' for name in _COLUMNS)
        body += f"<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>"
    else:
        body += f'<p style="{_QUIET}">No jobs here.</p>'
    body += (
        f'<p style="{_QUIET}"><small>{title}, in namespace {escape(safe_text(ledger.namespace))}, '
        f"as they were on {_instant(at)} UTC.</small></p>"
    )
    text = ", ".join(
        f"{counts[state]} {state}" if state in counts else f"{state} {NOT_RECORDED}"
        for state in JobState
    )
    return Snapshot(f"<div>{body}</div>", f"Job board: {text}")


#: In place of a number that stock Dramatiq does not keep.
NOT_RECORDED: Final = "not recorded"
_COLUMNS = ("State", "Job", "Queue", "When", "Took", "Note")


def _counts(counts: dict[JobState, int]) -> str:
    return " · ".join(
        f"{_state(state)} <strong>{_count(counts, state)}</strong>" for state in JobState
    )


def _count(counts: dict[JobState, int], state: JobState) -> str:
    return f"{counts[state]:,}" if state in counts else NOT_RECORDED


def _state(state: JobState) -> str:
    shape, colour = SHAPES[state]
    return f'<span style="color:{colour}">{shape}</span> {state}'


def _row(row: dict[str, Any], at: datetime) -> str:
    state = JobState(row["state"])
    took = ""
    if "started" in row and (state.is_final or state is JobState.RUNNING):
        end = row.get("finished", at.timestamp() * 1000)
        took = duration(end - row["started"])
    call = f"<code>{escape(row['actor'])}({escape(row['arguments'])})</code>"
    cells = (_state(state), call, escape(row["queue"]), _when(row, state, at), took, _note(row))
    styles = (_CELL, _LONG_CELL, _CELL, _CELL, _CELL, _LONG_CELL)
    drawn = zip(styles, cells, strict=True)
    return "<tr>" + "".join(f'<td style="{style}">{cell}</td>' for style, cell in drawn) + "</tr>"


def _when(row: dict[str, Any], state: JobState, at: datetime) -> str:
    if state in (JobState.SCHEDULED, JobState.RETRYING) and "eta" in row:
        return f"due {_time(row['eta'], at)}"
    for key in ("finished", "started", "enqueued"):
        if key in row and (key != "started" or state is JobState.RUNNING):
            return _time(row[key], at)
    return ""


def _note(row: dict[str, Any]) -> str:
    attempts = f"attempt {row['attempts']}" if row["attempts"] > 1 else ""
    return escape(" · ".join(part for part in (row.get("error", ""), attempts) if part))


def _time(millis: int, at: datetime) -> str:
    when = from_millis(millis)
    return f"{when:%H:%M:%S}" if when.date() == at.date() else _instant(when)


def _instant(when: datetime) -> str:
    return f"{when:%Y-%m-%d %H:%M:%S}"


def duration(millis: float) -> str:
    """``12 ms``, ``1.2 s``, ``48 s``, ``3 min 20 s`` or ``2 h 5 min``."""
    seconds = max(0.0, millis) / 1000
    if seconds < 0.9995:
        return f"{round(seconds * 1000)} ms"
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"
