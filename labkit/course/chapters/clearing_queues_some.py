"""Chapter 08's second exercise: calling off some of the jobs, on a Redis with all kinds of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from dramatiq import Message, Middleware

from labkit.actors import LabActor, actor
from labkit.broker import LabBroker
from labkit.course.exercise import NotAttempted, Wrong
from labkit.errors import AlreadyTaken, UnknownJob
from labkit.ledger.reader import Ledger
from labkit.ledger.records import JobRecord, JobState
from labkit.redis_server import ThrowawayRedis

HOUR = 3_600_000
#: More than a page of `Ledger.jobs`.
MANY = 120


class Bench:
    """A broker with two jobs on it, and ways to bring a job into any state."""

    def __init__(self, url: str) -> None:
        middleware: list[Middleware] = []
        self.broker = LabBroker(url=url, middleware=middleware)
        self.ledger = Ledger(url=url)
        self.called: list[tuple[Any, ...]] = []

        @actor(broker=self.broker, actor_name="remind")
        def remind(*arguments: Any) -> None:
            self.called.append(arguments)

        @actor(broker=self.broker, actor_name="charge")
        def charge(*arguments: Any) -> None:
            self.called.append(arguments)

        self.remind: LabActor[..., None] = remind
        self.charge: LabActor[..., None] = charge
        self._running = self.broker.consume("default", timeout=50)

    def start(self, *arguments: Any) -> Any:
        """A job that is running; there must be none in the queue."""
        self.remind.send(*arguments)
        while (taken := next(self._running)) is None:
            pass
        self.broker.emit_before("process_message", taken)  # as the thread that begins its body
        return taken

    def fail(self, *arguments: Any) -> None:
        """A job that has failed for good; there must be none in the queue."""
        taken = self.start(*arguments)
        taken.fail()
        self._running.nack(taken)

    def retry(self, *arguments: Any) -> None:
        """A job that has failed once, and waits for its next attempt."""
        message = self.remind.message_with_options(args=arguments, retries=1)
        self.broker.enqueue(message, delay=HOUR)

    def schedule(self, calls: Sequence[tuple[Any, ...]]) -> list[Message[Any]]:
        """Jobs for an hour from now."""
        messages = [self.remind.message(*call) for call in calls]
        return self.broker.enqueue_many(messages, delay=HOUR)

    def jobs(self) -> list[JobRecord]:
        """All of them, whatever their state."""
        return [job for state in JobState for job in self.ledger.jobs(state, limit=10 * MANY)]

    def close(self) -> None:
        """Give back what is running, and the connections."""
        self._running.close()
        self.broker.close()


@contextmanager
def bench() -> Iterator[Bench]:
    """A bench on a Redis that is thrown away."""
    with ThrowawayRedis() as server:
        made = Bench(server.url)
        try:
            yield made
        finally:
            made.close()


def check_call_off(call_off: Any) -> None:
    """The jobs of two customers, in all states, before and after one of them has left."""
    if not callable(call_off):
        raise Wrong("`call_off` is not a function any more: define it with `def`")
    with bench() as at:
        for customer in ("Ada", "Grace"):
            at.fail(customer)
        at.start("Ada")
        for customer in ("Ada", "Grace"):
            at.retry(customer)
            at.schedule([(customer, number) for number in range(MANY)])
            at.charge.send(customer)
        at.remind.send("Grace", "Ada")
        before = {job.id: job for job in at.jobs()}
        answer = call(call_off, at.ledger, "Ada")
        after = {job.id: job for job in at.jobs()}
        if answer is ... and before == after:
            raise NotAttempted
        _judge_others(before, after)
        _judge_ada([job for job in after.values() if job.args[0] == "Ada"])


def call(function: Callable[..., Any], *given: Any) -> Any:
    """What the learner's function answers; what the ledger refuses is a wrong answer."""
    try:
        return function(*given)
    except (AlreadyTaken, UnknownJob) as error:
        raise Wrong(
            f"the ledger refused: {error}. What has begun or ended cannot be called off"
        ) from None


def _judge_others(before: dict[str, JobRecord], after: dict[str, JobRecord]) -> None:
    if not after:
        raise Wrong("no job is left, whoever it belonged to: `clear` asks for no customer")
    for job_id, job in before.items():
        now = after.get(job_id)
        if now is None:
            raise Wrong(
                f"the record of a job that was {job.state} is gone. A job that was called off "
                "stays on the board, as cancelled, and so does what has happened"
            )
        if job.args[0] != "Ada" and now.state is not job.state:
            raise Wrong(f"{job.actor}{job.args} was {job.state}, and is {now.state}: not Ada's job")


def _judge_ada(jobs: list[JobRecord]) -> None:
    left = {state: [job for job in jobs if job.state is state] for state in JobState}
    if not left[JobState.CANCELLED]:
        raise Wrong("no job of Ada's is cancelled. Which method of the ledger does it, job by job?")
    if left[JobState.RETRYING]:
        raise Wrong(
            "a job that has failed once was left alone. It is not over: it waits for its next try"
        )
    if left[JobState.ENQUEUED]:
        raise Wrong("a job in the queue was left alone, and any worker may take it now")
    if count := len(left[JobState.SCHEDULED]):
        raise Wrong(
            f"{count} of Ada's {MANY} scheduled jobs are left. `jobs(…)` gives one page, of 50 "
            "unless told otherwise"
            if count < MANY
            else "the scheduled jobs were left alone, and will come when their time has come"
        )


# What stands before the exercises in the notebook, and answers to try their checks on.
SETUP = """\
from contextlib import suppress

from labkit import JobState, LabkitError, Ledger
"""

CALL_OFF_SOLUTION = """\
def call_off(ledger, customer):
    for state in ("enqueued", "scheduled", "retrying"):
        for job in ledger.jobs(state, limit=ledger.counts()[state]):
            if job.args[0] == customer:
                ledger.cancel(job.id)
"""

CALL_OFF_OTHERWISE = """\
def call_off(ledger, customer):
    everything = [job for state in JobState for job in ledger.jobs(state, limit=10_000)]
    for job in everything:
        if job.args[:1] == (customer,):
            with suppress(LabkitError):
                ledger.cancel(job.id)
"""

ONE_PAGE = """\
def call_off(ledger, customer):
    for state in ("enqueued", "scheduled", "retrying"):
        for job in ledger.jobs(state):
            if job.args[0] == customer:
                ledger.cancel(job.id)
"""

NOT_THE_FAILED = """\
def call_off(ledger, customer):
    for state in ("enqueued", "scheduled"):
        for job in ledger.jobs(state, limit=10_000):
            if job.args[0] == customer:
                ledger.cancel(job.id)
"""

EVERYBODY = """\
def call_off(ledger, customer):
    for state in ("enqueued", "scheduled", "retrying"):
        for job in ledger.jobs(state, limit=10_000):
            ledger.cancel(job.id)
"""

ANYWHERE = """\
def call_off(ledger, customer):
    for state in ("enqueued", "scheduled", "retrying"):
        for job in ledger.jobs(state, limit=10_000):
            if customer in job.args:
                ledger.cancel(job.id)
"""

THE_BEGUN_TOO = """\
def call_off(ledger, customer):
    for state in JobState:
        if not state.is_final:
            for job in ledger.jobs(state, limit=10_000):
                if job.args[0] == customer:
                    ledger.cancel(job.id)
"""

THE_DEAD_TOO = """\
def call_off(ledger, customer):
    for state in JobState:
        for job in ledger.jobs(state, limit=10_000):
            if job.args[0] == customer:
                ledger.cancel(job.id)
"""
