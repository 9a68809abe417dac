"""Stock: what Dramatiq's own keys say of an application in which no ledger is kept.

Stock Dramatiq deletes a job that went well, so completed and cancelled ones are not recorded; and
its acks mix what a worker runs with what it has prefetched, so ``running`` means one or the other.
All of this reads alone, by plain commands, each over ``STEP`` jobs at the most.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Iterator
from heapq import merge
from itertools import chain
from typing import Any, NamedTuple

import redis

from labkit.ledger import records
from labkit.ledger.foreign import record_of
from labkit.ledger.queues import QueueFinder
from labkit.ledger.records import JobRecord, JobState

#: Jobs read in one step.
STEP = 250
#: Delayed jobs of a queue that are put in the order of their times; further ones are counted.
DELAYED_SORTED = 10_000
#: Jobs whose places are remembered, so that one of them is found again at once.
_REMEMBERED = 5_000
_SUFFIXES = {
    JobState.ENQUEUED: "",
    JobState.RUNNING: "",
    JobState.SCHEDULED: ".DQ",
    JobState.RETRYING: ".DQ",
    JobState.DEAD: ".XQ",
}
RECORDED = frozenset(_SUFFIXES)


class Delivery(NamedTuple):
    """Where a message is: of a queue the waiting ones (no suffix), the delayed or the dead."""

    queue: str
    suffix: str
    name: bytes


class _Delayed(NamedTuple):
    eta: int
    state: JobState
    delivery: Delivery


class StockQueues:
    """The jobs of one namespace, as Dramatiq's own keys have them."""

    def __init__(self, client: redis.Redis, namespace: str) -> None:
        self.client = client
        self.namespace = namespace
        self._finder = QueueFinder(client, namespace)
        self._delayed: dict[Delivery, _Delayed] = {}
        #: Where the jobs that were read last have been.
        self.places: dict[str, Delivery] = {}
        self._missing: dict[
            str, float
        ] = {}  # until when a job that was not found is not looked for

    def counts(self) -> dict[JobState, int]:
        """How many jobs are in each state that Dramatiq keeps, at one instant."""
        queues = sorted(self._finder.look())
        with self.client.pipeline(transaction=True) as pipe:
            for key in map(self._key, queues):
                pipe.llen(key)
                pipe.hlen(f"{key}.msgs")
                pipe.hlen(f"{key}.DQ.msgs")
                pipe.zcard(f"{key}.XQ")
            reply = pipe.execute() if queues else []
        waiting, known, delayed, dead = (sum(reply[part::4]) for part in range(4))
        retrying = 0
        if delayed:
            retrying = sum(one.state is JobState.RETRYING for one in self._sort_delayed())
        return {
            JobState.SCHEDULED: delayed - retrying,
            JobState.ENQUEUED: waiting,
            JobState.RUNNING: max(0, known - waiting),
            JobState.RETRYING: retrying,
            JobState.DEAD: dead,
        }

    def page(
        self, state: JobState, queue: str | None = None, offset: int = 0, limit: int = 50
    ) -> list[JobRecord]:
        """One page of the jobs in a state: delayed ones by ETA, dead ones newest first.

        Those that wait come queue by queue, each in its order.
        """
        if state not in RECORDED or limit == 0:
            return []
        queues = sorted(self._finder.look()) if queue is None else [queue]
        past = offset + limit
        if state is JobState.ENQUEUED:
            found = self._waiting(queues, offset, limit)
        elif state is JobState.DEAD:
            found = self._dead(queues, offset, limit)
        elif state is JobState.RUNNING:
            found = self._held(queues)[offset:past]
        else:
            delayed = [one for one in self._sort_delayed() if one.state is state]
            found = [one.delivery for one in delayed if one.delivery.queue in queues][offset:past]
        return self._read(found, state)

    def job(self, job_id: str) -> JobRecord | None:
        """One job: at once where it was last seen, else by reading all that there are."""
        place = self.places.get(job_id)
        near = self._read([place], None) if place else []
        begun = time.monotonic()
        if not near and begun < self._missing.get(job_id, 0.0):
            return None
        everywhere = (job for _, jobs in self.slices(RECORDED) for job in jobs)
        found = next((job for job in chain(near, everywhere) if job.id == job_id), None)
        # Whoever asks again and again for a job that has gone shall not read all of them each time.
        took = time.monotonic() - begun
        self._missing = {} if found else {job_id: begun + 20 * took}
        return found

    def recent(self, limit: int) -> list[JobRecord]:
        """The newest jobs that Dramatiq still has, by the time at which they were enqueued."""
        queues = sorted(self._finder.look())
        newest: list[JobRecord] = self._read(self._held(queues)[:STEP], JobState.RUNNING)
        for queue in queues:
            names: Any = self.client.lrange(self._key(queue), -limit, -1)
            waiting = [Delivery(queue, "", name) for name in names]
            newest += self._read(waiting, JobState.ENQUEUED)
        newest += self.page(JobState.DEAD, limit=limit)
        for state in (JobState.RETRYING, JobState.SCHEDULED):
            newest += self.page(state, limit=limit)
        newest.sort(key=lambda job: job.enqueued_at or records.from_millis(0), reverse=True)
        return newest[:limit]

    def slices(self, states: Collection[JobState]) -> Iterator[tuple[int, list[JobRecord]]]:
        """All jobs in these states, a step at a time: how many were read, and those that fit."""
        for queue in sorted(self._finder.look()):
            key = self._key(queue)
            if JobState.RUNNING in states:
                held = self._held([queue])
                for first in range(0, len(held), STEP):
                    jobs = self._read(held[first : first + STEP], JobState.RUNNING)
                    yield len(jobs), jobs
            if JobState.ENQUEUED in states:
                yield from self._walk(Delivery(queue, "", b""), JobState.ENQUEUED)
            if JobState.DEAD in states:
                yield from self._walk(Delivery(queue, ".XQ", b""), JobState.DEAD)
            if JobState.SCHEDULED in states or JobState.RETRYING in states:
                cursor = -1
                while cursor:
                    reply: Any = self.client.hscan(f"{key}.DQ.msgs", max(0, cursor), count=STEP)
                    cursor, found = reply
                    jobs = [
                        self._record(Delivery(queue, ".DQ", name), payload, None)
                        for name, payload in found.items()
                    ]
                    yield len(jobs), [job for job in jobs if job.state in states]

    def died_after(self, moment: str) -> set[Delivery]:
        """The dead letters that came after this time, in milliseconds."""
        later: set[Delivery] = set()
        for queue in self._finder.look():
            names: Any = self.client.zrangebyscore(f"{self._key(queue)}.XQ", f"({moment}", "+inf")
            later |= {Delivery(queue, ".XQ", name) for name in names}
        return later

    def _walk(self, where: Delivery, state: JobState) -> Iterator[tuple[int, list[JobRecord]]]:
        key = self._key(where.queue + where.suffix)
        first = 0
        while True:
            names: Any = (
                self.client.zrevrange(key, first, first + STEP - 1)
                if state is JobState.DEAD
                else self.client.lrange(key, first, first + STEP - 1)
            )
            if names:
                jobs = self._read([where._replace(name=name) for name in names], state)
                yield len(names), jobs
            if len(names) < STEP:
                return
            first += STEP

    def _key(self, queue: str) -> str:
        return f"{self.namespace}:{queue}"

    def _waiting(self, queues: list[str], offset: int, limit: int) -> list[Delivery]:
        found: list[Delivery] = []
        for queue in queues:
            length: Any = self.client.llen(self._key(queue))
            if offset < length:
                last = offset + limit - len(found) - 1
                names: Any = self.client.lrange(self._key(queue), offset, last)
                found += [Delivery(queue, "", name) for name in names]
                if len(found) == limit:
                    break
            offset = max(0, offset - length)
        return found

    def _dead(self, queues: list[str], offset: int, limit: int) -> list[Delivery]:
        """The newest first over all queues."""
        keys = [self._key(f"{queue}.XQ") for queue in queues]
        skipped = [offset] if len(keys) == 1 else self._skip(keys, offset)
        rest = offset - sum(skipped)
        tops: list[list[tuple[float, str, bytes]]] = []
        for queue, key, first in zip(queues, keys, skipped, strict=True):
            found: Any = self.client.zrevrange(
                key, first, first + rest + limit - 1, withscores=True
            )
            tops.append([(-score, queue, name) for name, score in found])
        page = list(merge(*tops))[rest : rest + limit]
        return [Delivery(queue, ".XQ", name) for _, queue, name in page]

    def _skip(self, keys: list[str], offset: int) -> list[int]:
        """How many of each set stand before the page: at most ``offset``, found by halving time."""

        def later_than(moment: int) -> list[int]:
            with self.client.pipeline(transaction=False) as pipe:
                for key in keys:
                    pipe.zcount(key, f"({moment}", "+inf")
                counts: list[int] = pipe.execute()
            return counts

        low, high = 0, 2**43  # milliseconds; nothing dies in so far a future
        while keys and offset and high - low > 1:
            middle = (low + high) // 2
            low, high = (low, middle) if sum(later_than(middle)) <= offset else (middle, high)
        return later_than(high) if keys and offset else [0] * len(keys)

    def _held(self, queues: list[str]) -> list[Delivery]:
        """What workers have in hand: they run it, or have prefetched it."""
        workers: Any = self.client.zrange(f"{self.namespace}:__heartbeats__", 0, -1)
        found: list[Delivery] = []
        for queue in queues:
            with self.client.pipeline(transaction=False) as pipe:
                for worker in workers:
                    pipe.smembers(f"{self.namespace}:__acks__.{worker.decode()}.{queue}")
                names = sorted({name for members in pipe.execute() for name in members})
            found += [Delivery(queue, "", name) for name in names]
        return found

    def _sort_delayed(self) -> list[_Delayed]:
        """Delayed jobs by ETA; a message is read only once."""
        known: dict[Delivery, _Delayed] = {}
        new: list[Delivery] = []
        for queue in sorted(self._finder.names):
            key = self._key(f"{queue}.DQ")
            length: Any = self.client.hlen(f"{key}.msgs")
            names: Any = (
                self.client.hkeys(f"{key}.msgs")
                if length <= DELAYED_SORTED
                else self.client.lrange(key, 0, DELAYED_SORTED - 1)
            )
            for name in names:
                delivery = Delivery(queue, ".DQ", name)
                if delivery in self._delayed:
                    known[delivery] = self._delayed[delivery]
                else:
                    new.append(delivery)
        for first in range(0, len(new), STEP):
            step = new[first : first + STEP]
            for delivery, payload in zip(step, self.payloads(step), strict=True):
                if payload is not None:
                    job = self._record(delivery, payload, None)
                    eta = int(job.eta.timestamp() * 1000) if job.eta else 0
                    known[delivery] = _Delayed(eta, job.state, delivery)
        self._delayed = known
        return sorted(known.values(), key=lambda one: (one.eta, one.delivery))

    # -- messages --------------------------------------------------------------------------------

    def payloads(self, deliveries: Collection[Delivery]) -> list[bytes | None]:
        """The messages themselves; None where one has gone."""
        with self.client.pipeline(transaction=False) as pipe:
            for queue, suffix, name in deliveries:
                pipe.hget(f"{self._key(queue)}{suffix}.msgs", name)
            payloads: list[bytes | None] = pipe.execute() if deliveries else []
        return payloads

    def _read(self, deliveries: Collection[Delivery], state: JobState | None) -> list[JobRecord]:
        """The jobs of these deliveries, without those that have gone meanwhile."""
        pairs = zip(deliveries, self.payloads(deliveries), strict=True)
        return [self._record(one, payload, state) for one, payload in pairs if payload is not None]

    def _record(self, delivery: Delivery, payload: bytes, state: JobState | None) -> JobRecord:
        queue, suffix, raw_name = delivery
        if state is None and not suffix:
            state = JobState.RUNNING if self._is_held(delivery) else JobState.ENQUEUED
        job = record_of(raw_name, payload, queue, state, suffix)
        self.places.pop(job.id, None)
        self.places[job.id] = delivery
        if len(self.places) > _REMEMBERED:
            del self.places[next(iter(self.places))]
        return job

    def _is_held(self, delivery: Delivery) -> bool:
        return delivery in self._held([delivery.queue])
