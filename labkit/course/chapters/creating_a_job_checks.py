"""The checks of chapter 04: the learner's jobs, run by a worker on a Redis of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import dramatiq

from labkit.broker import LabBroker
from labkit.cell_order import run_first, started_worker
from labkit.course import work
from labkit.course.exercise import NotAttempted, Wrong
from labkit.course.lab import wait_until
from labkit.errors import CourseError, WorkerError
from labkit.ledger.reader import Ledger
from labkit.ledger.records import JobRecord, JobState
from labkit.redis_server import ThrowawayRedis
from labkit.worker import Worker

TEXT = "is anybody there?"
WHISPER = "app/jobs/whisper.py"
#: Seconds that a job in the queue gets to come to its end.
PATIENCE = 3.0
#: Seconds that a line which was printed is waited for before the worker is asked to end.
PRINTING = 0.5

#: Sends an actor its arguments, and returns the record of the job once it has been tried.
Send = Callable[..., JobRecord]


@contextmanager
def running(job: str, cwd: Path | None = None) -> Iterator[tuple[Send, Worker]]:
    """A worker that has loaded the learner's files, started in the folder ``cwd``.

    Raises:
      NotAttempted: the file ``job`` is not there.
      Wrong: no worker starts with the learner's files.
    """
    if not work.path(job).is_file():
        raise NotAttempted(f"There is no file `work/{job}` yet: generate the job first.")
    with ThrowawayRedis() as server:
        try:
            worker = Worker.start(env={"REDIS_URL": server.url}, cwd=cwd, timeout=15)
        except WorkerError as error:
            last = str(error).splitlines()[-1]
            raise Wrong(f"the worker does not start with this file. It said: {last}") from None
        broker, ledger = LabBroker(url=server.url, middleware=[]), Ledger(url=server.url)

        def send(actor: str, *arguments: Any) -> JobRecord:
            message: dramatiq.Message[None] = dramatiq.Message(
                queue_name="default", actor_name=actor, args=arguments, kwargs={}, options={}
            )
            broker.enqueue(message)
            return wait_until(lambda: _tried(ledger, message), what=f"the job {actor}")[0]

        try:
            yield send, worker
        finally:
            worker.kill()
            broker.close()


def _tried(ledger: Ledger, message: dramatiq.Message[None]) -> list[JobRecord]:
    """The job's record, as soon as an attempt at it has ended."""
    record = ledger.job(message.message_id)
    return [record] if record and (record.state.is_final or record.attempts) else []


def judge_record(record: JobRecord, what: str) -> None:
    """Whether the worker found the actor, and could call it."""
    if record.error and record.error.startswith("ActorNotFound"):
        raise Wrong(
            f"the worker has read the file, and found no actor `{record.actor}` in it. What makes "
            "an actor of a function?"
        )
    if record.error and "positional argument" in record.error:
        raise Wrong(
            f"the function does not take {what}. The worker called it, and Python said: "
            f"{record.error}"
        )
    if record.error:
        raise Wrong(f"the job raised. It said: {record.error}")


def check_shout(job: str) -> None:
    """What a worker prints when it is sent ``shout(TEXT)``; ``job`` is the file to look for."""
    with running(job) as (send, worker):
        judge_record(send("shout", TEXT), "the text")
        # What was printed takes a moment from the process to the log, and is there at the end.
        try:
            wait_until(lambda: TEXT in worker.log().lower(), timeout=PRINTING)
        except CourseError:
            worker.stop()
        log = worker.log()
    if TEXT.upper() in log:
        return
    if TEXT in log:
        raise Wrong("the text came out as it went in: it was to be in capital letters")
    if TEXT in log.lower():
        raise Wrong("not all of its letters are capital: that is another method of the text")
    if "built-in method" in log:
        raise Wrong("the job printed a method, and not what it makes: `()` behind it calls it")
    raise Wrong(
        "the job ran, and the text that it was sent is not in the worker's window. What a job "
        "returns goes nowhere, because nobody waits for it: print it"
    )


def check_rescue(job_id: str) -> None:
    """What has become of the dead job of ``whisper``."""
    ledger = Ledger()
    with suppress(CourseError):
        wait_until(lambda: _is_over(ledger, job_id), timeout=PATIENCE)
    record = ledger.job(job_id)
    if record is None:
        again = run_first() or " Run section 5 again."
        raise NotAttempted(f"Redis knows no job {job_id!r} any more.{again}")
    if record.actor != "whisper":
        raise Wrong(f"{job_id!r} is a job of {record.actor!r}, and not the dead one of `whisper`")
    if record.state is JobState.COMPLETED:
        return
    has_file = work.path(WHISPER).is_file()
    others = ledger.jobs(JobState.COMPLETED, actor="whisper")
    attempts = len(record.attempts)
    if not record.state.is_final:
        raise Wrong(
            f"the job is {record.state}, and nobody takes it. Does a worker run?{started_worker()}"
        )
    if others:
        raise Wrong(
            "another job of that name has run, and this one is still dead. A job that is sent is a "
            "new one; the ledger gives the old one a new attempt"
        )
    if attempts > 1 and has_file:
        raise Wrong(
            f"it was tried {attempts} times, and the file is there now. The worker that took it "
            "last had started before that, and has loaded what was there then"
        )
    if attempts > 1:
        raise Wrong(
            f"it was tried {attempts} times, and each time no worker knew a `whisper`. Another "
            "attempt helps when something has changed: where do workers look for jobs?"
        )
    if has_file:
        raise Wrong(
            "the file is there, and the job is dead as before: no worker takes up a dead job by "
            "itself. Somebody must ask for another attempt"
        )
    raise NotAttempted("The job is dead as before. Bring it back, and run this cell again.")


def _is_over(ledger: Ledger, job_id: str) -> bool:
    record = ledger.job(job_id)
    return record is None or record.state.is_final
