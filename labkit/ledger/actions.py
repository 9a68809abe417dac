"""Acting on jobs: run now, retry, cancel, reschedule, delete, clear. Each is one step in Redis.

They work until a worker has fetched the job, and say ``AlreadyTaken`` from then on.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import chain
from typing import Any

from labkit.errors import AlreadyTaken, InvalidSchedule, UnknownJob
from labkit.ledger import keys, records
from labkit.ledger.connection import LedgerConnection
from labkit.ledger.records import JobRecord, JobState
from labkit.ledger.stock_actions import Places, StockActions
from labkit.ledger.verbs import renew, retime
from labkit.redis_client import redis_errors

#: The actions after which a job's message is another one.
_CHANGES_MESSAGES = ("retry", "run_now", "reschedule")


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

    @property
    def stock_actions(self) -> StockActions:
        """The same where no ledger is kept."""
        return StockActions(self.stock, self.call)

    def act(
        self,
        verb: str,
        job_ids: Sequence[str],
        state: str = "",
        eta: str = "-",
        places: Places | None = None,
    ) -> list[str]:
        """One step in Redis for many jobs; what became of each, as ``act.lua`` says it.

        Without a ledger they are looked for in Dramatiq's own keys; ``places`` says where they are.
        """
        # An id that no text can be is an unknown one.
        job_ids = [job_id.encode(errors="replace").decode() for job_id in job_ids]
        values: list[tuple[Any, ...]] = [(job_id,) for job_id in job_ids]
        with redis_errors(self.client):
            if places is not None or not self.is_recorded():
                self.refuse_if_read_only()
                places = self.stock_actions.find(job_ids) if places is None else places
                return self.stock_actions.act(verb, job_ids, places, state, eta)
            if verb in _CHANGES_MESSAGES:
                flat: list[bytes] = self.call("letters", *job_ids)
                letters = zip(job_ids, flat[::3], flat[1::3], flat[2::3], strict=True)
                values = [_delivery(*letter, eta) for letter in letters]
            answer = self.call("act", verb, state, eta, *chain.from_iterable(values))
        return [outcome.decode() for outcome in answer]

    def _act(self, verb: str, job_id: str, eta: str = "-") -> None:
        [outcome] = self.act(verb, [job_id], eta=eta)
        if outcome == "unknown":
            self._known(job_id)
            raise UnknownJob(f"the message of job {job_id!r} is gone, or unreadable: send it again")
        if outcome == "taken":
            raise AlreadyTaken(f"job {job_id!r} is already taken: a worker has it, or will at once")
        if outcome != "done":
            what = verb.replace("_", " ")
            raise AlreadyTaken(f"job {job_id!r} is {outcome}: {what} does not fit")

    def _known(self, job_id: str) -> JobRecord:
        with redis_errors(self.client):
            raw: Any = self.client.hget(self.keys.jobs, job_id.encode(errors="replace"))
        if raw is None:
            raise UnknownJob(f"no job {job_id!r} is known in namespace {self.namespace!r}")
        return records.parse(job_id, raw)

    def run_now(self, job_id: str) -> None:
        """Let a scheduled or retrying job run at once.

        Raises:
          UnknownJob: no record has this id.
          AlreadyTaken: it waits for no time (any more).
        """
        self._act("run_now", job_id)

    def cancel(self, job_id: str) -> None:
        """Take away a job that has not begun; it becomes cancelled.

        Raises:
          UnknownJob: no record has this id.
          AlreadyTaken: a worker has fetched it, or it is over.
        """
        self._act("cancel", job_id)

    def reschedule(self, job_id: str, when: datetime) -> None:
        """Move a scheduled or retrying job to another time; a time that is past means now.

        Raises:
          InvalidSchedule: ``when`` has no time zone.
          UnknownJob: no record has this id.
          AlreadyTaken: it waits for no time (any more).
        """
        self._act("reschedule", job_id, eta_of(when))

    def retry(self, job_id: str) -> None:
        """Give a dead job a new life, with all its attempts; a retrying one runs at once.

        Raises:
          UnknownJob: no record has this id, or its dead letter has expired.
          AlreadyTaken: it is not dead.
        """
        self._act("retry", job_id)

    def delete(self, job_id: str) -> None:
        """Forget a job that is completed, dead or cancelled, with its dead letter.

        Raises:
          UnknownJob: no record has this id.
          AlreadyTaken: it is not over.
        """
        self._act("delete", job_id)

    def clear(self) -> Cleared:
        """Remove every key of this namespace, and nothing else: queues, messages and records.

        Unlike ``FLUSHDB`` it leaves other applications' keys alone. A job that runs right now goes
        on to its end, and leaves no trace.
        """
        self.refuse_if_read_only()
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


def eta_of(when: datetime) -> str:
    """A time in milliseconds since 1970.

    Raises:
      InvalidSchedule: it has no time zone.
    """
    if when.utcoffset() is None:
        raise InvalidSchedule(f"{when!r} has no time zone: say {when!r}.astimezone().")
    return str(int(when.timestamp() * 1000))


def _delivery(
    job_id: str, queue: bytes, payload: bytes, waits_as: bytes, eta: str
) -> tuple[Any, ...]:
    """What act.lua takes for a job: the delivery that a changed message makes, or none.

    None for one that is neither dead nor delayed, and where the message is gone or is none.
    """
    name = waits_as.decode() or keys.delivery_name(job_id, os.urandom(4).hex())
    try:
        if waits_as:
            message = retime(payload, name, queue.decode(), eta)
        else:
            message = renew(payload, name, queue.decode())
    except ValueError:
        return job_id, queue, "enqueued", "-", 0
    sent = records.describe(message.actor_name, queue.decode(), message.args, message.kwargs)
    return job_id, queue, "enqueued", "-", 1, name, message.encode(), sent
