"""Ledger: the questions that one can ask about every job, on top of ``actions``.

Reading never changes a job. ``Ledger()`` reads the Redis of ``Settings()``; ``Ledger(url=…)`` reads
any other, starts nothing and reads no ``labkit.toml``.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator
from datetime import datetime
from itertools import islice
from typing import Any

from labkit.ledger import records
from labkit.ledger.actions import Actions
from labkit.ledger.history import Minute, last_minutes
from labkit.ledger.query import Query, Seen, see_all
from labkit.ledger.records import JobEvent, JobRecord, JobState
from labkit.ledger.search import EARLIEST_FIRST, Search, Slices, slices_of
from labkit.ledger.selection import Selection
from labkit.ledger.workers import Workers
from labkit.redis_client import redis_errors


class Ledger(Actions, Workers):
    """What Redis knows about every job of one namespace.

    Parameters:
      url: A Redis URL; without it, the Redis of ``Settings()``, found or started.
      namespace: The prefix of every key; by default Dramatiq's, ``dramatiq``.
      client: A client to use in place of a URL.
      read_only: Refuse every method that changes something, with ``ReadOnly``.

    Every method raises ``RedisUnavailable`` when Redis does not answer.
    """

    def jobs(
        self,
        state: JobState | str,
        queue: str | None = None,
        actor: str | None = None,
        offset: int = 0,
        limit: int = 50,
    ) -> list[JobRecord]:
        """One page of the jobs in a state.

        Scheduled and retrying jobs come by ETA, enqueued and running ones in their order, final
        ones newest first. A filter by queue or actor looks through the state's records in steps;
        ``search`` does the same and can be stopped. Without a ledger (stock Dramatiq alone) waiting
        jobs come queue by queue, and running ones are running or prefetched.
        """
        state = JobState(state)
        if offset < 0 or limit < 0:
            raise ValueError("offset and limit count from 0")
        if queue is None and actor is None:
            return self._read_page(state, offset, limit)
        queues, actors = (
            frozenset() if name is None else frozenset({name}) for name in (queue, actor)
        )
        search = Search(self, Query(frozenset({state}), queues, actors))
        return list(islice(search, offset, offset + limit))

    def search(self, text: str, see: Callable[[JobRecord], Seen] = see_all) -> Search:
        """Look for jobs: ``ledger.search('state:dead queue:mail "timed out"')``.

        ``state:``, ``queue:``, ``actor:`` and ``id:`` narrow it down; every other word is looked
        for in ids, arguments and errors. Nothing is read before the first ``step()``, which reads
        at most 2,000 records, or before it is iterated over: ``for job in ledger.search(…)``.

        Raises:
          ValueError: there is no such state.
        """
        return Search(self, Query.parse(text), see)

    def slices(self, states: Collection[JobState], needles: list[str]) -> Slices:
        """For ``Search``: all jobs in these states, how many were read, and what may fit."""
        return slices_of(self, states, needles)

    def recent(self, jobs: list[JobRecord], limit: int) -> list[JobRecord]:
        """For ``following``: the jobs that changed last, by the events; these are they."""
        return jobs

    def _read_page(self, state: JobState, offset: int, limit: int) -> list[JobRecord]:
        if limit == 0:
            return []
        order = "" if state in EARLIEST_FIRST else "REV"
        with redis_errors(self.client):
            if not self.is_recorded():
                return self.stock.page(state, None, offset, limit)
            flat = self.call("page", state.value, offset, offset + limit - 1, order)
        return [
            records.parse(job_id.decode(errors="replace"), raw)
            for job_id, raw in zip(flat[::2], flat[1::2], strict=True)
        ]

    def job(self, message_id: str) -> JobRecord | None:
        """The record of one job, with every attempt; None when no such id is known or kept."""
        with redis_errors(self.client):
            # Whoever asks for an id that no text can be asks for an unknown one.
            raw: Any = self.client.hget(self.keys.jobs, message_id.encode(errors="replace"))
            if raw is None and not self.is_recorded():
                return self.stock.job(message_id)
        return None if raw is None else records.parse(message_id, raw)

    def minutes(self, count: int = 60, queue: str | None = None) -> list[Minute]:
        """What happened in each of the last ``count`` minutes, oldest first; a day is kept.

        The last one is the minute that still counts. One round trip.
        """
        return last_minutes(self, count, queue)

    def select(
        self,
        state: JobState | str | None = None,
        queue: str | None = None,
        actor: str | None = None,
        *,
        ids: Iterable[str] | None = None,
        before: datetime | None = None,
    ) -> Selection:
        """Jobs to act on together: ``ledger.select("dead", actor="charge").retry()``.

        Parameters:
          state: All that are in it, of one queue and one actor where these are given.
          ids: These, in whatever state; in place of a state.
          before: Of a state, those that came into it up to then (scheduled and retrying ones: that
            were sent up to then). So what was broken off is taken up, and a job that was retried
            and has died again is not retried twice.

        Raises:
          ValueError: there is no such state; or it has both a state and ids, or neither.
          InvalidSchedule: ``before`` has no time zone.
        """
        return Selection(self, state, queue, actor, ids, before)

    def events(self, after: str | None = None, block: int | None = None) -> Iterator[JobEvent]:
        """Every change of state, in order, as it happens.

        Parameters:
          after: The id of the last event seen, to go on behind it; ``"0"`` begins with the oldest
            that Redis still has; None begins with what happens from now on.
          block: The milliseconds to wait for an event before the iterator ends; None waits for ever
            (in waits shorter than the connection's own timeout).
        """
        with redis_errors(self.client):
            last = after if after is not None else self._last_event()
        wait = 1_000 if block is None else max(1, block)
        while True:
            with redis_errors(self.client):
                reply: Any = self.client.xread({self.keys.events: last}, count=500, block=wait)
            batch = self._entries(reply)
            if batch:
                last = batch[-1][0]
                yield from self._describe(batch)
            elif block is not None:
                return

    def _last_event(self) -> str:
        newest: Any = self.client.xrevrange(self.keys.events, count=1)
        return newest[0][0].decode() if newest else "0"

    @staticmethod
    def _entries(reply: Any) -> list[tuple[str, dict[bytes, bytes]]]:
        # A list of [stream, entries] or, with RESP3, a dict of stream -> [entries].
        if not reply:
            return []
        entries = next(iter(reply.values()))[0] if isinstance(reply, dict) else reply[0][1]
        return [(entry_id.decode(), fields) for entry_id, fields in entries]

    def _describe(self, batch: list[tuple[str, dict[bytes, bytes]]]) -> Iterator[JobEvent]:
        entries = [(event_id, *records.read_event(fields)) for event_id, fields in batch]
        with redis_errors(self.client):
            raws: Any = self.client.hmget(self.keys.jobs, [entry[1] for entry in entries])
        for (event_id, job_id, was, state), raw in zip(entries, raws, strict=True):
            job = records.parse(job_id, raw) if raw else None
            yield JobEvent(
                id=event_id,
                job_id=job_id,
                state=state,
                previous=was,
                actor=job.actor if job else "",
                queue=job.queue if job else "",
                at=records.from_millis(int(event_id.split("-")[0])),
            )
