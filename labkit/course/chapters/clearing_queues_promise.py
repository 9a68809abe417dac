"""Chapter 08's last exercise: sending again what was lost, and nothing that is still to come."""

from __future__ import annotations

from typing import Any

from labkit.course.chapters.clearing_queues_some import MANY, bench, call
from labkit.course.exercise import NotAttempted, Wrong
from labkit.ledger.records import JobRecord, JobState


def check_catch_up(catch_up: Any) -> None:
    """Jobs in all states, some of them gone, and what the learner's function sends for them."""
    if not callable(catch_up):
        raise Wrong("`catch_up` is not a function any more: define it with `def`")
    with bench() as at:
        states = {4: JobState.DEAD, 8: JobState.RUNNING, 5: JobState.CANCELLED}
        at.fail(4)
        at.start(8)
        at.ledger.cancel(at.schedule([(5,)])[0].message_id)
        at.remind.send_many([(1000 + number,) for number in range(MANY)])
        for number in (6, 1):
            (at.charge if number == 6 else at.remind).send(number)
        at.schedule([(2,)])
        at.retry(3)
        states |= {1: JobState.ENQUEUED, 2: JobState.SCHEDULED, 3: JobState.RETRYING}
        known = {job.id for job in at.jobs()}
        answer = call(catch_up, at.ledger, at.remind, [1, 2, 3, 4, 5, 6, 7, 8])
        if at.called:
            raise Wrong("the job's function was called, and so it ran here. Which method sends it?")
        sent = [job for job in at.jobs() if job.id not in known]
        if answer is ... and not sent:
            raise NotAttempted
        _judge_sent(sent, states)
        if answer is None or sorted(answer) != [4, 5, 6, 7]:
            raise Wrong(f"it sent 4, 5, 6 and 7, and returned {answer!r}: return what was sent")
        again = call(catch_up, at.ledger, at.remind, [4, 5, 6, 7])
        if again or len(at.jobs()) != len(known) + 4:
            raise Wrong("called a second time, it sends again what it has just sent")


def _judge_sent(sent: list[JobRecord], states: dict[int, JobState]) -> None:
    if any(job.actor != "remind" or len(job.args) != 1 for job in sent):
        told = ", ".join(sorted({f"{job.actor}{job.args}" for job in sent})[:3])
        raise Wrong(f"sent was {told}: it should be the job that was given, with one id each")
    numbers = sorted(job.args[0] for job in sent)
    if numbers == [1, 2, 3, 4, 5, 6, 7, 8]:
        raise Wrong(
            "all eight were sent, and four of them were on their way already: they will run twice"
        )
    if 1 in numbers and 2 not in numbers:
        raise Wrong(
            "1 is in the queue, behind many others, and was sent again. `jobs(…)` gives one page, "
            "of 50 unless told otherwise"
        )
    for number in (3, 2, 8, 1):
        if number in numbers:
            raise Wrong(
                f"{number} was sent again, and its job is {states[number]}. It is still to come: a "
                "queue is more than its list"
            )
    for number in (4, 5):
        if number not in numbers:
            raise Wrong(
                f"{number} was not sent. There is a record of its job, which is {states[number]}: "
                "no worker will touch that again"
            )
    if 6 not in numbers:
        raise Wrong("6 was not sent. What waits for 6 is `charge`, another job")
    if numbers != [4, 5, 6, 7]:
        raise Wrong(f"4, 5, 6 and 7 had no job on its way, and {numbers} were sent")


# Answers to try the check on.
CATCH_UP_SOLUTION = """\
def catch_up(ledger, job, ids):
    counts, coming = ledger.counts(), set()
    for state in JobState:
        if not state.is_final:
            page = ledger.jobs(state, actor=job.actor_name, limit=counts[state])
            coming |= {record.args[0] for record in page}
    missing = [number for number in ids if number not in coming]
    job.send_many([(number,) for number in missing])
    return missing
"""

CATCH_UP_OTHERWISE = """\
def catch_up(ledger, job, ids):
    sent = []
    for number in ids:
        found = [
            record
            for state in ("scheduled", "enqueued", "running", "retrying")
            for record in ledger.jobs(state, limit=10_000)
            if (record.actor, record.args) == (job.actor_name, (number,))
        ]
        if not found:
            job.send(number)
            sent.append(number)
    return sent
"""

SENDS_ALL = """\
def catch_up(ledger, job, ids):
    job.send_many([(number,) for number in ids])
    return ids
"""

QUEUE_ALONE = """\
def catch_up(ledger, job, ids):
    waiting = ledger.jobs("enqueued", actor=job.actor_name, limit=10_000)
    coming = {record.args[0] for record in waiting}
    missing = [number for number in ids if number not in coming]
    job.send_many([(number,) for number in missing])
    return missing
"""

RUNNING_TOO = QUEUE_ALONE.replace(
    'ledger.jobs("enqueued", actor=job.actor_name, limit=10_000)',
    "[\n"
    "        record\n"
    '        for state in ("enqueued", "scheduled", "retrying")\n'
    "        for record in ledger.jobs(state, actor=job.actor_name, limit=10_000)\n"
    "    ]",
)

FIRST_PAGES = """\
def catch_up(ledger, job, ids):
    coming = {
        record.args[0]
        for state in JobState
        if not state.is_final
        for record in ledger.jobs(state, actor=job.actor_name)
    }
    missing = [number for number in ids if number not in coming]
    job.send_many([(number,) for number in missing])
    return missing
"""

ANY_RECORD = """\
def catch_up(ledger, job, ids):
    known = {
        record.args[0]
        for state in JobState
        for record in ledger.jobs(state, actor=job.actor_name, limit=10_000)
    }
    missing = [number for number in ids if number not in known]
    job.send_many([(number,) for number in missing])
    return missing
"""

ANY_JOB = """\
def catch_up(ledger, job, ids):
    coming = {
        record.args[0]
        for state in JobState
        if not state.is_final
        for record in ledger.jobs(state, limit=10_000)
    }
    missing = [number for number in ids if number not in coming]
    job.send_many([(number,) for number in missing])
    return missing
"""

SAYS_NOTHING = """\
def catch_up(ledger, job, ids):
    coming = {
        record.args[0]
        for state in JobState
        if not state.is_final
        for record in ledger.jobs(state, actor=job.actor_name, limit=10_000)
    }
    for number in ids:
        if number not in coming:
            job.send(number)
"""
