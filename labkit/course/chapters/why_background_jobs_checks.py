"""The checks of chapter 01: a line of visitors, a sign-up, and what a page may say of an e-mail."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from heapq import heapreplace
from threading import Event
from typing import Any

from dramatiq.middleware import Retries

from labkit.course.exercise import NotAttempted, Wrong
from labkit.course.lab import wait_until
from labkit.course.trial import trial
from labkit.errors import AlreadyTaken, CourseError, UnknownJob
from labkit.ledger.reader import Ledger
from labkit.ledger.records import JobRecord, JobState
from labkit.mail_sink import MailSink

EMAIL = "grace@labkit.example"
#: Seconds that the mail server takes: far more than an enqueue ever needs.
LATENCY = 0.5
#: Visitors a second, and seconds for each: what binary fractions hold exactly.
RUSHES = [(3, 0.5), (20, 0.25), (1, 4.0), (2, 0.25), (5, 0.25)]
#: Milliseconds until a failed job of the check is tried again: longer than any check takes.
LATER = 3_600_000


def check_threads(threads_needed: Callable[[int, float], Any]) -> None:
    """Let visitors come for ten minutes to a server with the learner's number of threads."""
    answers = [threads_needed(*rush) for rush in RUSHES]
    if all(answer is ... for answer in answers):
        raise NotAttempted
    if None in answers:
        raise Wrong("`threads_needed` hands nothing out: `return` does that, and `print` does not")
    if len(set(answers)) == 1:
        raise Wrong(
            f"`threads_needed` says {answers[0]!r} for any number of visitors and for any length. "
            "A request that only waits costs no processor, and it holds its thread all the same"
        )
    for (visitors, seconds), threads in zip(RUSHES, answers, strict=True):
        _judge_threads(visitors, seconds, threads)


def _judge_threads(visitors: int, seconds: float, threads: Any) -> None:
    rush = f"for {visitors} visitors a second and {seconds} s each, `threads_needed` says {threads}"
    if isinstance(threads, bool) or not isinstance(threads, int | float) or threads != int(threads):
        raise Wrong(f"{rush}: a number of threads is a whole number")
    threads = int(threads)
    if threads < 1:
        raise Wrong(f"{rush}: without a thread nobody is served")
    if waited := _last_wait(visitors, seconds, threads):
        raise Wrong(
            f"{rush}. The check let them come for ten minutes, and the last one stood in line for "
            f"{waited:.0f} s: the line grows"
        )
    if threads > 1 and not _last_wait(visitors, seconds, threads - 1):
        raise Wrong(f"{rush}. Nobody waits then, and with a thread less nobody would either")


def _last_wait(visitors: int, seconds: float, threads: int) -> float:
    """For how long the last visitor of ten minutes waits for a thread."""
    free = [0.0] * threads  # when each thread is free again; a heap
    waited = 0.0
    for number in range(visitors * 600):
        arrives = number / visitors
        begins = max(arrives, free[0])
        waited = begins - arrives
        heapreplace(free, begins + seconds)
    return round(waited, 6)


def check_signup(signup: Callable[[str], Any]) -> None:
    """What ``signup(EMAIL)`` puts into Redis, and what the mail server has heard meanwhile."""
    ledger = Ledger()
    before = {job.id for job in _jobs(ledger)}
    with MailSink.start(latency=LATENCY) as sink:
        began = time.perf_counter()
        try:
            answer = signup(EMAIL)
        except CourseError:
            raise Wrong(
                "the visitor waits until a worker has come, and none may come for an hour. A "
                "sign-up that waits for its job might as well do the job itself"
            ) from None
        took = time.perf_counter() - began
        sent = [job for job in _jobs(ledger) if job.id not in before]
        try:
            _judge_signup(answer, took, sent, sink)
        finally:
            for job in sent:
                with suppress(AlreadyTaken, UnknownJob):
                    ledger.cancel(job.id)


def _judge_signup(answer: Any, took: float, sent: list[JobRecord], sink: MailSink) -> None:
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
            f"a job is in Redis for {EMAIL}, and it does not say to whom: its arguments are "
            f"{sent[0].args or 'none'}. The worker knows only what the message carries; give "
            "`send` the arguments of the function"
        )
    if answer in (None, ...):
        raise Wrong("the job is in Redis, and the visitor sees an empty page: return an answer")


def _jobs(ledger: Ledger) -> list[JobRecord]:
    states = [state for state in JobState if state is not JobState.CANCELLED]
    actor = "send_welcome_email"
    return [job for state in states for job in ledger.jobs(state, actor=actor, limit=1_000)]


def _arrives(sink: MailSink) -> bool:
    try:
        return bool(wait_until(sink.messages, timeout=LATENCY + 1))
    except CourseError:
        return False


def check_status(mail_status: Callable[[Ledger, str], Any]) -> None:
    """What the learner's function says of one job in each of the seven states, and of none."""
    gate = Event()
    with trial(Retries(min_backoff=LATER)) as queue:

        def body(works: bool) -> None:
            gate.wait()
            if not works:
                raise ConnectionError("the mail server has gone")

        def judge(job_id: str, state: str) -> None:
            _judge_status(mail_status, queue.ledger, job_id, state)

        job = queue.job(body, "send_welcome_email")
        first = job.send(True)
        judge(first.message_id, "enqueued")
        with queue.worker():
            queue.wait_for(first, "running")
            try:
                judge(first.message_id, "running")
            finally:
                gate.set()
            again = job.send(False)
            given_up = job.send_with_options(args=(False,), max_retries=0)
            for message, state in ((first, "completed"), (again, "retrying"), (given_up, "dead")):
                queue.wait_for(message, state)
                judge(message.message_id, state)
        later = job.send_in(timedelta(hours=1), True)
        judge(later.message_id, "scheduled")
        queue.ledger.cancel(later.message_id)
        judge(later.message_id, "cancelled")
        judge("an-old-link", "")


#: What is right to say of a job in each state; "" is that of no job.
SAYS = {
    **dict.fromkeys(["enqueued", "running", "retrying", "scheduled"], "on its way"),
    "completed": "sent",
    **dict.fromkeys(["dead", "cancelled"], "not sent"),
    "": "unknown",
}


def _judge_status(
    mail_status: Callable[[Ledger, str], Any], ledger: Ledger, job_id: str, state: str
) -> None:
    try:
        said = mail_status(ledger, job_id)
    except AttributeError:
        if state:
            raise
        raise Wrong(
            "for an id that Redis does not know (an old link, say) the ledger has no record, and "
            "answers None: ask for that before you ask for its state"
        ) from None
    if said is ... and state == "enqueued":
        raise NotAttempted
    right = SAYS[state]
    if said == right:
        return
    page = f"the job is {state}, and the page says {said!r}"
    if said is None:
        raise Wrong(f"the job is {state or 'unknown'}, and nothing came back: `return` the words")
    if said == "sent":
        raise Wrong(f"{page}. To enqueue is to promise: only a job that is completed was sent")
    if right == "not sent":
        raise Wrong(
            f"{page}. No worker will touch it again, so the visitor would wait for ever for an "
            "e-mail that does not come"
        )
    if state == "retrying":
        raise Wrong(f"{page}. It has failed once, and it will be tried again: nothing is lost yet")
    if not state:
        raise Wrong(f"of a job that Redis does not know, the page says {said!r}, and not 'unknown'")
    raise Wrong(f"{page}, and not {right!r}")
