"""StockActions: acting on the jobs of an application in which no ledger is kept.

Each is one step over Dramatiq's own keys, and no key of labkit's is written. What a worker has in
hand is taken: a stock worker takes delayed jobs into its memory long before their time.
"""

from __future__ import annotations

import uuid
from itertools import chain
from typing import TYPE_CHECKING, Any

from labkit.ledger.foreign import record_of
from labkit.ledger.records import JobState
from labkit.ledger.stock import RECORDED
from labkit.ledger.verbs import ACTIONS, renew, retime

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

    from labkit.ledger.stock import Delivery, StockQueues

Places = dict[str, "Delivery"]


class StockActions:
    """What can be done to the jobs that ``stock`` reads; ``call`` runs a script of the ledger."""

    def __init__(self, stock: StockQueues, call: Callable[..., Any]) -> None:
        self._stock = stock
        self._call = call

    def find(self, job_ids: Collection[str]) -> Places:
        """Where these jobs are: at once those that were read lately, else by reading all."""
        known = self._stock.places
        near = {job_id: known[job_id] for job_id in job_ids if job_id in known}
        there = zip(near.items(), self._stock.payloads(near.values()), strict=True)
        found = {job_id: place for (job_id, place), payload in there if payload is not None}
        wanted = set(job_ids)
        if len(found) < len(wanted):
            for _, jobs in self._stock.slices(RECORDED):
                found |= {job.id: known[job.id] for job in jobs if job.id in wanted}
        return found

    def select(self, state: JobState, queue: str | None, actor: str | None, before: str) -> Places:
        """Where the jobs of a state are; of dead ones those that had died at ``before`` (ms)."""
        found = {}
        for _, jobs in self._stock.slices({state} & RECORDED):
            for job in jobs:
                if queue in (None, job.queue) and actor in (None, job.actor):
                    found[job.id] = self._stock.places[job.id]
        if state is JobState.DEAD and before != "+inf":
            later = self._stock.died_after(before)
            return {job_id: place for job_id, place in found.items() if place not in later}
        return found

    def act(
        self, verb: str, job_ids: Sequence[str], places: Places, wanted: str, eta: str
    ) -> list[str]:
        """One step in Redis for many jobs; what became of each, as ``act.lua`` says it."""
        there = [places[job_id] for job_id in job_ids if job_id in places]
        payloads = dict(zip(there, self._stock.payloads(there), strict=True))
        outcomes: dict[str, str] = {}
        moves: dict[str, tuple[Any, ...]] = {}
        for job_id in job_ids:
            place = places.get(job_id)
            payload = payloads[place] if place else None
            if place is None or payload is None:
                outcomes[job_id] = "unknown"
                continue
            state = record_of(place.name, payload, place.queue, None, place.suffix).state
            if state not in ACTIONS[verb][1] or wanted not in ("", state):
                is_taken = state is JobState.ENQUEUED and verb != "retry"
                outcomes[job_id] = "taken" if is_taken else str(state)
                continue
            try:
                where_to = _where_to(verb, state, place, payload, eta)
                moves[job_id] = (place.queue + place.suffix, place.name, *where_to)
            except ValueError:
                outcomes[job_id] = "unknown"
        if moves:
            answer = self._call("act_stock", *chain.from_iterable(moves.values()))
            outcomes |= zip(moves, (one.decode() for one in answer), strict=True)
        return [outcomes[job_id] for job_id in job_ids]


def _where_to(
    verb: str, state: JobState, place: Delivery, payload: bytes, eta: str
) -> tuple[str, str, bytes]:
    """The queue of the new delivery, its name and its payload; empty for none."""
    if verb in ("cancel", "delete"):
        return "", "", b""
    name = str(uuid.uuid4())
    if state is JobState.DEAD:
        message = renew(payload, name, place.queue)
    else:
        message = retime(payload, name, place.queue, eta)
    return message.queue_name, name, message.encode()
