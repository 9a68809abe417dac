"""The check of chapter 04: the learner's own job, run by a worker on a Redis of its own."""

from __future__ import annotations

import dramatiq

from labkit.broker import LabBroker
from labkit.course import work
from labkit.course.exercise import NotAttempted, Wrong
from labkit.course.lab import wait_until
from labkit.errors import WorkerError
from labkit.ledger.reader import Ledger
from labkit.ledger.records import JobRecord
from labkit.redis_server import ThrowawayRedis
from labkit.worker import Worker

TEXT = "is anybody there?"


def check_shout(job: str) -> None:
    """What a worker prints when it is sent ``shout(TEXT)``; ``job`` is the file to look for."""
    if not work.path(job).is_file():
        raise NotAttempted(f"There is no file `work/{job}` yet: generate the job first.")
    record, log = _run()
    if record.error and record.error.startswith("ActorNotFound"):
        raise Wrong(
            "the worker has read the file, and found no actor `shout` in it. What makes an actor "
            "of a function?"
        )
    if record.error and "positional argument" in record.error:
        raise Wrong(
            "the function does not take the text. The worker called it with one argument, and "
            f"Python said: {record.error}"
        )
    if record.error:
        raise Wrong(f"the job raised. It said: {record.error}")
    if TEXT.upper() in log:
        return
    if TEXT in log:
        raise Wrong("the text came out as it went in: it was to be in capital letters")
    raise Wrong(
        "the job ran, and the text is not in the worker's window. What a job returns goes nowhere, "
        "because nobody waits for it: print it"
    )


def _run() -> tuple[JobRecord, str]:
    """The record of the job and the log of the worker, once it has tried to run it."""
    message: dramatiq.Message[None] = dramatiq.Message(
        queue_name="default", actor_name="shout", args=(TEXT,), kwargs={}, options={}
    )
    with ThrowawayRedis() as server:
        try:
            worker = Worker.start(env={"REDIS_URL": server.url}, timeout=15)
        except WorkerError as error:
            last = str(error).splitlines()[-1]
            raise Wrong(f"the worker does not start with this file. It said: {last}") from None
        ledger = Ledger(url=server.url)
        try:
            LabBroker(url=server.url, middleware=[]).enqueue(message)
            tried = wait_until(lambda: _tried(ledger, message.message_id), what="the job shout")
            return tried[0], worker.log()
        finally:
            worker.kill()


def _tried(ledger: Ledger, job_id: str) -> list[JobRecord]:
    """The job's record, as soon as an attempt at it has ended."""
    record = ledger.job(job_id)
    return [record] if record and (record.state.is_final or record.attempts) else []
