"""Chapter 09's first exercise: what is worth another try, how often, and after which wait."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from dramatiq.middleware import AgeLimit, Retries, TimeLimit

from labkit.course.exercise import Wrong
from labkit.course.lab import wait_until
from labkit.course.trial import Trial, trial
from labkit.errors import LabkitError
from labkit.ledger.records import JobRecord, JobState

RUNS = 5
#: Seconds before the second run, at least, and before any, at most.
SHORTEST, LONGEST = 2.0, 10.0
#: What a wait may differ by: it is cut to milliseconds, and read off two clocks.
SLACK = 0.1


def check_tries(options: Any) -> None:
    """Give an actor these options, let it fail, and look at what is tried again, and when."""
    if not isinstance(options, Mapping):
        raise Wrong("`options` is to be a dict, such as `{'max_retries': 1}`")
    throws = options.get("throws", ())
    if not all(
        isinstance(each, type) for each in (throws if isinstance(throws, tuple) else [throws])
    ):
        raise Wrong(
            f"`throws` is {throws!r}, and Dramatiq wants the class itself, or a tuple of classes: "
            "with anything else the worker’s thread ends at the first error"
        )
    # Beside retries, what an actor may be told by Dramatiq’s other middleware.
    with trial(AgeLimit(), TimeLimit(), Retries()) as queue:
        try:
            failing = queue.job(_fail, "ask", **options)
        except (TypeError, ValueError) as error:
            raise Wrong(f"an actor does not take these options: {error}") from None
        away, waits = _run_to_the_end(queue, failing.send("away"))
        senseless, _ = _run_to_the_end(queue, failing.send("senseless"))
    if queue.complaints:
        raise Wrong(
            f"Dramatiq could not reckon with these options: {queue.complaints[0]}. It counts in "
            "milliseconds, as whole numbers"
        )
    _judge_runs(len(away.attempts))
    _judge_waits(waits)
    if len(senseless.attempts) > 1:
        raise Wrong(
            "an address that makes no sense was tried again after its `ValueError`. It will make "
            "no more sense tomorrow: which option names the errors that no retry mends?"
        )


def _fail(how: str) -> None:
    if how == "senseless":
        raise ValueError("this is no address")
    raise ConnectionError("nobody answers")


def _run_to_the_end(queue: Trial, message: Any) -> tuple[JobRecord, list[float]]:
    """The job when it has failed for good (or once too often), and the wait before each run."""
    waits: list[float] = []
    with queue.worker():
        while True:
            job = _failed(queue, message, runs=len(waits) + 1)
            if job.eta is None or job.state is JobState.DEAD or len(job.attempts) > RUNS + 1:
                return job, waits
            waits.append((job.eta - job.attempts[-1].finished_at).total_seconds())
            with suppress(LabkitError):  # a short wait may be over by itself
                queue.ledger.run_now(job.id)


def _failed(queue: Trial, message: Any, runs: int) -> JobRecord:
    """The job, once it has failed that often and waits or is dead."""

    def found() -> list[JobRecord]:
        job = queue.ledger.job(message.message_id)
        if job is None or job.state not in (JobState.RETRYING, JobState.DEAD):
            return []
        return [job] if len(job.attempts) >= runs else []

    return wait_until(found, what="a job of this check to fail")[0]


def _judge_runs(runs: int) -> None:
    if runs == RUNS + 1:
        raise Wrong(
            f"it was run {runs} times, and {RUNS} were allowed. `max_retries` counts what comes "
            "after the first run"
        )
    if runs > RUNS:
        raise Wrong(f"it was run more than {RUNS} times, and it was to be a dead letter by then")
    if runs < RUNS:
        raise Wrong(f"it was a dead letter after {runs} of {RUNS} runs")


def _judge_waits(waits: list[float]) -> None:
    if waits[0] < 0.1:
        raise Wrong(
            f"it was run again after {waits[0] * 1000:.0f} ms. Dramatiq counts waits in "
            "milliseconds"
        )
    if waits[0] < SHORTEST - SLACK:
        raise Wrong(
            f"the wait before the second run was {waits[0]:.1f} s, and {SHORTEST:g} s is the least"
        )
    if max(waits) > LONGEST + SLACK:
        raise Wrong(
            f"the waits were {', '.join(f'{wait:.1f}' for wait in waits)} s: each is about twice "
            f"the one before, and none was to be longer than {LONGEST:g} s"
        )


# Answers to try the check on.
SOLUTION = """\
options = {
    "max_retries": 4,
    "min_backoff": 2_000,
    "max_backoff": 10_000,
    "throws": ValueError,
}
"""

OTHERWISE = """\
def is_worth_it(retries, error):
    return retries < 4 and not isinstance(error, ValueError)


options = dict(retry_when=is_worth_it, min_backoff=2_500, max_backoff=9_000)
"""

COUNTS_RUNS = """\
options = {"max_retries": 5, "min_backoff": 2_000, "max_backoff": 10_000, "throws": ValueError}
"""

EVERY_ERROR = """\
options = {"max_retries": 4, "min_backoff": 2_000, "max_backoff": 10_000}
"""

SECONDS = """\
options = {"max_retries": 4, "min_backoff": 2, "max_backoff": 10, "throws": ValueError}
"""

AS_TEXT = """\
options = {"max_retries": 4, "min_backoff": 2_000, "max_backoff": 10_000, "throws": "ValueError"}
"""

AS_TIMES = """\
from datetime import timedelta

options = {
    "max_retries": 4,
    "min_backoff": timedelta(seconds=2),
    "max_backoff": timedelta(seconds=10),
    "throws": ValueError,
}
"""

NO_LIMIT = """\
options = {"max_retries": 4, "min_backoff": 2_000, "throws": ValueError}
"""

NOTHING_TWICE = """\
options = {"max_retries": 4, "min_backoff": 2_000, "max_backoff": 10_000, "throws": Exception}
"""
