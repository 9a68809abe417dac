"""Acting on jobs: run now, retry, cancel, reschedule, delete, clear. Each is one step in Redis.

They work until a worker has fetched the job, and say ``AlreadyTaken`` from then on.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from dramatiq import Message

from labkit.errors import AlreadyTaken, InvalidSchedule, UnknownJob
from labkit.ledger import keys, records
from labkit.ledger.connection import LedgerConnection
from labkit.ledger.records import JobRecord, JobState
from labkit.redis_client import redis_errors

#: What Dramatiq writes into the options of a message that failed; a retried one begins anew.
_MARKS_OF_FAILURE = {"retries", "traceback", "requeue_timestamp", "redis_message_id", "eta"}


@dataclass(frozen=True)
class Cleared:
    """What ``Ledger.clear`` removed."""

    namespace: str
    jobs: dict[JobState, int]
    keys: int

    def __str__(self) -> str:
        found = [f"{count} {state}" for state, count in self.jobs.items() if count]
        what = ", ".join(found) if found else "no jobs"
        return f"Cleared namespace {self.namespace!r}: {what} ({self.keys} Redis keys removed)."


class Actions(LedgerConnection):
    """The half of ``Ledger`` that changes something."""

    def _known(self, job_id: str) -> JobRecord:
        with redis_errors(self.client):
            raw: Any = self.client.hget(self.keys.jobs, job_id)
        if raw is None:
            raise UnknownJob(f"no job {job_id!r} is known in namespace {self.namespace!r}")
        return records.parse(job_id, raw)

    def _act(self, verb: str, job_id: str, queue: str, *values: Any) -> None:
        with redis_errors(self.client):
            answer: Any = self.call("act", verb, job_id, queue, *values)
        outcome = answer[0].decode()
        if outcome == "done":
            return
        if outcome == "unknown":
            raise UnknownJob(f"job {job_id!r} is no longer known")
        if outcome == "taken":
            raise AlreadyTaken(f"job {job_id!r} is already taken: a worker has it, or will at once")
        raise AlreadyTaken(
            f"job {job_id!r} is {answer[1].decode()}: {verb.replace('_', ' ')} does not fit"
        )

    def run_now(self, job_id: str) -> None:
        """Let a scheduled or retrying job run at once.

        Raises:
          UnknownJob: no record has this id.
          AlreadyTaken: it waits for no time (any more).
        """
        self._act("run_now", job_id, self._known(job_id).queue)

    def cancel(self, job_id: str) -> None:
        """Take away a job that has not begun; it becomes cancelled.

        Raises:
          UnknownJob: no record has this id.
          AlreadyTaken: a worker has fetched it, or it is over.
        """
        self._act("cancel", job_id, self._known(job_id).queue)

    def reschedule(self, job_id: str, when: datetime) -> None:
        """Move a scheduled or retrying job to another time; a time that is past means now.

        Raises:
          InvalidSchedule: ``when`` has no time zone.
          UnknownJob: no record has this id.
          AlreadyTaken: it waits for no time (any more).
        """
        if when.utcoffset() is None:
            raise InvalidSchedule(f"{when!r} has no time zone: say {when!r}.astimezone().")
        eta = int(when.timestamp() * 1000)
        self._act("reschedule", job_id, self._known(job_id).queue, eta)

    def retry(self, job_id: str) -> None:
        """Give a dead job a new life, with all its attempts; a retrying one runs at once.

        Raises:
          UnknownJob: no record has this id, or its dead letter has expired.
          AlreadyTaken: it is not dead.
        """
        job = self._known(job_id)
        if job.state is JobState.RETRYING:
            self.run_now(job_id)
            return
        letters = f"{self.namespace}:{job.queue}.XQ.msgs"
        with redis_errors(self.client):
            names: Any = [name for name in (self.current_delivery(job_id), job_id) if name]
            payload: Any = next(filter(None, self.client.hmget(letters, names)), None)
        if payload is None and job.state is JobState.DEAD:
            raise UnknownJob(f"the dead letter of {job_id!r} has expired; send the job again")
        message = Message.decode(payload) if payload else None
        values: list[Any] = []
        if message is not None:
            name = keys.delivery_name(job_id, os.urandom(4).hex())
            options = {k: v for k, v in message.options.items() if k not in _MARKS_OF_FAILURE}
            renewed: Message[Any] = Message(
                job.queue,
                message.actor_name,
                message.args,
                message.kwargs,
                {**options, "redis_message_id": name},
                job_id,
                message.message_timestamp,
            )
            sent = records.describe(job.actor, job.queue, message.args, message.kwargs)
            values = [job.queue, "enqueued", "-", 1, name, renewed.encode(), sent]
        self._act("retry", job_id, job.queue, *values)

    def current_delivery(self, job_id: str) -> str | None:
        """The name under which Dramatiq's keys know the job now."""
        with redis_errors(self.client):
            raw: Any = self.client.hget(self.keys.jobs, job_id)
        parts = raw.split(b"\n")[0].decode(errors="replace").split(" ") if raw else []
        if len(parts) < 2:
            return None
        # A stock delivery is named by a UUID of its own; ours by the job's id and a short suffix.
        return str(parts[1]) if "-" in parts[1] else keys.delivery_name(job_id, parts[1])

    def delete(self, job_id: str) -> None:
        """Forget a job that is completed, dead or cancelled, with its dead letter.

        Raises:
          UnknownJob: no record has this id.
          AlreadyTaken: it is not over.
        """
        self._act("delete", job_id, self._known(job_id).queue)

    def clear(self) -> Cleared:
        """Remove every key of this namespace, and nothing else: queues, messages and records.

        Unlike ``FLUSHDB`` it leaves other applications' keys alone. A job that runs right now goes
        on to its end, and leaves no trace.
        """
        jobs = self.counts()
        removed = 0
        with redis_errors(self.client):
            for found in self._own_keys():
                removed += int(self.client.unlink(*found))
            self.client.xadd(self.keys.events, {"job": "", "was": "", "state": ""})
        return Cleared(self.namespace, jobs, removed)

    def _own_keys(self) -> Iterator[list[bytes]]:
        cursor = 0
        while True:
            reply: Any = self.client.scan(cursor, match=keys.pattern(self.namespace), count=1_000)
            cursor, found = reply
            if found:
                yield found
            if cursor == 0:
                return
