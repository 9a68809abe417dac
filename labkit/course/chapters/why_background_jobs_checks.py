"""The check of chapter 01: what a sign-up does while the visitor waits, and what it leaves."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from labkit.course.exercise import NotAttempted, Wrong
from labkit.course.lab import wait_until
from labkit.errors import AlreadyTaken, CourseError, UnknownJob
from labkit.ledger.reader import Ledger
from labkit.ledger.records import JobRecord, JobState
from labkit.mail_sink import MailSink

EMAIL = "grace@labkit.example"
#: Seconds that the mail server takes: far more than an enqueue ever needs.
LATENCY = 0.5


def check_signup(signup: Callable[[str], Any]) -> None:
    """What ``signup(EMAIL)`` puts into Redis, and what the mail server has heard meanwhile."""
    ledger = Ledger()
    before = {job.id for job in _jobs(ledger)}
    with MailSink.start(latency=LATENCY) as sink:
        began = time.perf_counter()
        answer = signup(EMAIL)
        took = time.perf_counter() - began
        sent = [job for job in _jobs(ledger) if job.id not in before]
        try:
            _judge(answer, took, sent, sink)
        finally:
            for job in sent:
                with suppress(AlreadyTaken, UnknownJob):
                    ledger.cancel(job.id)


def _judge(answer: Any, took: float, sent: list[JobRecord], sink: MailSink) -> None:
    is_slow = took >= LATENCY
    if is_slow and sent:
        raise Wrong(
            "the visitor waited for the e-mail, and a job was left as well: she gets it twice. "
            "`send` stands in place of the call, not beside it"
        )
    if is_slow:
        raise Wrong(
            f"the visitor waited {took:.1f} s. You called the function, so it ran here and now; "
            "something has to go into Redis in its place"
        )
    if answer is ... and not sent:
        raise NotAttempted
    if not sent and _arrives(sink):
        raise Wrong(
            "the answer was quick, and the e-mail came, from a thread of this process. Nothing "
            "stands in Redis: when this process ends or fails, so does the e-mail, and nobody "
            "knows that it was owed"
        )
    if not sent:
        raise Wrong("the answer was quick, and nobody will ever send an e-mail: no job is in Redis")
    if len(sent) > 1:
        raise Wrong(f"one visitor signed up, and there are {len(sent)} jobs in Redis")
    if sent[0].args != (EMAIL,) and sent[0].kwargs != {"address": EMAIL}:
        raise Wrong(
            "a job is in Redis, and it does not say to whom: the worker knows only what the "
            "message carries. Give `send` the arguments of the function"
        )
    if answer in (None, ...):
        raise Wrong("the job is in Redis, and the visitor sees an empty page: return an answer")


def _jobs(ledger: Ledger) -> list[JobRecord]:
    states = (JobState.ENQUEUED, JobState.RUNNING, JobState.RETRYING, JobState.COMPLETED)
    actor = "send_welcome_email"
    return [job for state in states for job in ledger.jobs(state, actor=actor, limit=1_000)]


def _arrives(sink: MailSink) -> bool:
    try:
        return bool(wait_until(sink.messages, timeout=LATENCY + 1))
    except CourseError:
        return False
