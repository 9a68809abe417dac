"""The checks of chapter 00: what was sent, what was counted, and whether a function looks again."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import timedelta
from typing import Any

from dramatiq import Message

from labkit.broker import LabBroker
from labkit.course.exercise import NotAttempted, Wrong
from labkit.errors import AlreadyTaken, CourseError, UnknownJob
from labkit.ledger.reader import Ledger
from labkit.ledger.records import JobRecord, JobState


def check_sent(sent: Any) -> None:
    """The job that ``sent`` (a message, a record or an id) names, as the ledger knows it."""
    if callable(sent):
        raise Wrong("`sent` is the method itself. Nothing was called: that takes `()` behind it")
    if sent is None:
        raise Wrong(
            "`sent` is None: nothing came back. A job that is called runs here and returns what "
            "its function returns, and `print` returns nothing. Which method sends?"
        )
    if isinstance(sent, list):
        raise Wrong(f"`sent` is a list, of {len(sent)}; one message was asked for")
    job_id = getattr(sent, "message_id", getattr(sent, "id", sent))
    if not isinstance(job_id, str):
        raise Wrong(
            f"`sent` is {sent!r}. It should be what `send` returned: put `sent =` in front of the "
            "call"
        )
    job = Ledger().job(job_id)
    if job is None:
        raise Wrong(
            "no job of that id is in Redis. A message is a piece of Python until somebody sends it"
        )
    if job.args != (2,) and job.kwargs != {"task_id": 2}:
        raise Wrong(f"a job is in Redis, with the arguments {job.args}, and not for task 2")


def check_counts(counts: Any) -> None:
    """The learner's counts against the ledger's own."""
    if callable(counts):
        raise Wrong(
            "`counts` is the method itself, not what it answers: call it, with `()` at its end"
        )
    if isinstance(counts, list) and all(isinstance(job, JobRecord) for job in counts):
        raise Wrong(
            "`counts` is a list of jobs, of one state. Another question of the ledger answers for "
            "all states at once"
        )
    if counts is None:
        raise Wrong("`counts` is None: `print` shows an answer, and does not hand it on")
    if not isinstance(counts, Mapping):
        raise Wrong(
            f"`counts` is of the kind {type(counts).__name__}, and there is a number for each "
            "state: a dictionary"
        )
    truth = Ledger().counts()
    if counts == {state: number for state, number in truth.items() if number} != truth:
        raise Wrong("the states with no job in them are missing: that nothing is dead is news, too")
    if counts != truth:
        raise Wrong(
            "`counts` is not what Redis holds now: ask the ledger rather than write it down"
        )


def check_left(left: Any) -> None:
    """What ``left()`` says before two jobs are sent, after that, and when one of them has ended."""
    # Here: it loads the learner's own modules, which no other command of the course may need.
    from labkit.jobs import task_logger

    if not callable(left):
        raise Wrong("`left` is no function: `def left():` makes one, which can be asked again")
    before = left()
    if before is ...:
        raise NotAttempted
    if not isinstance(before, int):
        raise Wrong(
            f"`left()` answers {before!r}. It should answer a number: `return` hands it out"
        )
    ledger, ended = Ledger(), _two_that_ended()
    before = left()
    now, later = task_logger.send(0), task_logger.send_in(timedelta(hours=1), 0)
    try:
        _judge_growth(left, before)
        with suppress(AlreadyTaken):  # a worker is quicker, and has ended it all the same
            ledger.cancel(now.message_id)
        _judge_end(left, before)
        with _two_under_way() as under_way:
            ended += under_way
            _judge_under_way(left)
    finally:
        for job_id in (now.message_id, later.message_id, *ended):
            with suppress(AlreadyTaken, UnknownJob):
                ledger.cancel(job_id)
            with suppress(AlreadyTaken, UnknownJob):
                ledger.delete(job_id)


def _two_that_ended() -> list[str]:
    """A job that completed and one that is dead, so that either is counted if it is; their ids.

    In a queue of their own, where no worker looks.
    """
    broker = LabBroker()
    for _ in range(2):
        broker.enqueue(Message("left-check", "nobody", (), {}, {}))
    consumer = broker.consume("left-check", prefetch=2)
    done, given_up = next(consumer), next(consumer)
    if done is None or given_up is None:
        raise CourseError("two jobs of the check did not come out of their queue")
    consumer.ack(done)
    given_up.fail()
    consumer.nack(given_up)
    consumer.close()
    broker.close()
    return [done.message_id, given_up.message_id]


@contextmanager
def _two_under_way() -> Iterator[list[str]]:
    """A job that runs and one that failed and will be tried again, in that queue; their ids."""
    broker = LabBroker(middleware=[])
    runs: Message[None] = Message("left-check", "nobody", (), {}, {})
    again: Message[None] = Message("left-check", "nobody", (), {}, {"retries": 1})
    broker.enqueue(runs)
    broker.enqueue(again, delay=3_600_000)
    consumer = broker.consume("left-check", prefetch=1)
    if (delivery := next(consumer)) is None:
        raise CourseError("a job of the check did not come out of its queue")
    broker.emit_before("process_message", delivery)  # as the thread does that begins its body
    try:
        yield [runs.message_id, again.message_id]
    finally:
        consumer.ack(delivery)
        consumer.close()
        broker.close()


def _judge_growth(left: Callable[[], Any], before: Any) -> None:
    after = left()
    if after == before:
        raise Wrong(
            f"the check sent two jobs, and `left()` says {after!r} as it did before. A number that "
            "was read once does not follow Redis: ask inside the function"
        )
    if after == before + 1:
        raise Wrong(
            "the check sent two jobs, one of them for an hour from now, and `left()` has grown by "
            "one. A job that is scheduled is still to be done"
        )


def _judge_end(left: Callable[[], Any], before: Any) -> None:
    after, truth = left(), _truth()
    if after == before + 2:
        raise Wrong(
            "the check sent two jobs and cancelled one, and `left()` still counts both. Some "
            "states are an end: `JobState` knows which, by `is_final`"
        )
    if after != truth:
        raise Wrong(f"`left()` says {after!r}, and {truth} jobs have not come to an end")


def _judge_under_way(left: Callable[[], Any]) -> None:
    after, truth = left(), _truth()
    if after != truth:
        raise Wrong(
            "now a job of the check is running, and another has failed and waits for its next "
            f"attempt. Neither has come to an end: {truth} are still to be done, and `left()` says "
            f"{after!r}"
        )


def _truth() -> int:
    return sum(n for state, n in Ledger().counts().items() if not JobState(state).is_final)
