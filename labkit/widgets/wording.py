"""Wording: what a board says around its rows, so that the page has only to show it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from labkit.ledger.records import JobState
from labkit.redact import safe_text

if TYPE_CHECKING:
    from labkit.ledger.workers import WorkerCard
    from labkit.widgets.finding import Found
    from labkit.widgets.looking import Picture, Question

_SEND, _SEND_IN = "task_logger.send(1)", "task_logger.send_in(timedelta(minutes=1), 1)"
#: For a list without jobs: what is so, what comes there, and a line that brings one.
_EMPTY: Final = {
    None: ("No jobs yet", "Send one, and watch it come in.", _SEND),
    JobState.SCHEDULED: ("Nothing is scheduled", "What is sent for later waits here.", _SEND_IN),
    JobState.ENQUEUED: ("No job waits", "Send one: it waits here until a worker is free.", _SEND),
    JobState.RUNNING: ("No job runs right now", "What a worker's threads do is shown here.", ""),
    JobState.RETRYING: ("No job failed lately", "One that fails waits here to be tried again.", ""),
    JobState.COMPLETED: ("No job has completed", "Each that ends well is listed here.", ""),
    JobState.DEAD: ("No dead jobs", "One that fails for good ends here, with its tracebacks.", ""),
    JobState.CANCELLED: ("No cancelled jobs", "One that is taken away before it runs is here.", ""),
}


def title(question: Question) -> str:
    """What a list holds."""
    if question.finding is not None:
        return f"Jobs found for {safe_text(question.finding.text, 300)}"
    return f"Jobs {question.state}" if question.state else "The jobs that changed last"


def empty(picture: Picture, *, is_foreign: bool) -> tuple[str, str, str]:
    """What stands where no job is. Of another application's actors nobody here knows a line."""
    state, finding, found = picture.question.state, picture.question.finding, picture.found
    if finding is not None and found is not None:
        if found.is_done:
            return "No job fits", f"All {found.total:,} were searched.", ""
        return ("None found so far" if finding.is_stopped else "Searching…"), "", ""
    if state and state not in picture.counts:
        advice = f"Stock Dramatiq keeps no {state} job; with LabBroker each is listed here."
        return "Not recorded", advice, ""
    what, advice, line = _EMPTY[state]
    return what, advice, "" if is_foreign else line


def how_far(found: Found) -> str:
    """``2 found, searched 42 of 42``."""
    more = "" if found.is_done else "+"
    return f"{found.hits:,}{more} found, searched {found.searched:,} of {found.total:,}"


def hint(picture: Picture, unknown: list[str], *, is_foreign: bool) -> str:
    """Who works there, and what to do where nobody does."""
    if not picture.is_recorded:
        return (
            "stock Dramatiq: running or prefetched cannot be told apart, completed is not recorded"
        )
    if unknown and not is_foreign:
        return f"no worker knows {', '.join(unknown)}: put it into work/app/jobs/"
    if picture.workers:
        return _crew(picture.workers, picture.prefetched)
    if is_foreign:  # stock workers may be at work there, who do not say who they are
        return "no labkit worker"
    waiting = (JobState.ENQUEUED, JobState.SCHEDULED, JobState.RETRYING)
    if any(picture.counts[state] for state in waiting):
        return "no worker runs: start one, and it takes what waits"
    return "no worker"


def _crew(workers: list[WorkerCard], prefetched: int) -> str:
    threads = sum(worker.threads for worker in workers)
    more = f", {prefetched:,} prefetched" if prefetched else ""
    return f"{_many(len(workers), 'worker')}, {_many(threads, 'thread')}{more}"


def _many(number: int, word: str) -> str:
    return f"{number:,} {word}{'s' * (number != 1)}"


def moment(place: int, length: int, call: str, was: str, state: str) -> str:
    """Which of the events a replay stands at, and what that was: ``event 2 of 3 · …``."""
    if not length:
        return "no event is known"
    change = f"{call} {f'{was} → ' if was else ''}{state or 'forgotten'}"
    return f"event {place:,} of {length:,} · {change if place else 'before the first event'}"


def facts(job: dict[str, Any], *, is_ahead: bool) -> list[list[Any]]:
    """An opened job's facts: a name, and a text or a moment, which may be told as time goes by."""
    eta, started, finished = job.get("eta"), job.get("started"), job.get("finished")
    first = job["tries"][0].get("started") if job["tries"] else started
    ready = max(job.get("enqueued", 0), 0 if job["tries"] else eta or 0)
    runs = started is not None and job["state"] == JobState.RUNNING
    took = finished - started if started is not None and finished is not None else None
    found = [
        ["queue", job["queue"]],
        ["enqueued", job.get("enqueued")],
        ["due", eta, "due"] if is_ahead else ["was due", eta],
        ["started", started],
        ["runs for", started if runs else None, "since"],
        ["finished", finished],
        ["took", took, "long"],
        ["waited", first - ready if first is not None and ready else None, "long"],
    ]
    return [fact for fact in found if fact[1] is not None]
