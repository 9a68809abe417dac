"""Check: hold every record against Dramatiq's own keys, and name each difference.

While all writers are labkit's there is none, at any instant; with stock producers or workers beside
them a difference lasts two seconds at most (see ``reconcile``).
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from labkit.ledger.records import JobState
from labkit.redis_client import redis_errors

if TYPE_CHECKING:
    from labkit.ledger.connection import LedgerConnection

#: The part of a queue's name where a job of the state has its message.
_PLACES = {
    JobState.ENQUEUED: "",
    JobState.RUNNING: "",
    JobState.SCHEDULED: ".DQ",
    JobState.RETRYING: ".DQ",
    JobState.DEAD: ".XQ",
}


@dataclass(frozen=True)
class Difference:
    """What is wrong with one job or delivery, in words."""

    subject: str
    problem: str

    def __str__(self) -> str:
        return f"{self.subject}: {self.problem}"


def check(ledger: LedgerConnection, queues: tuple[str, ...] = ()) -> list[Difference]:
    """Every difference at one instant; reads all jobs in one step, so not for a busy large Redis.

    Parameters:
      queues: Names besides those that the ledger has met.
    """
    with redis_errors(ledger.client):
        met: Any = ledger.client.smembers(ledger.keys.queues)
        names = sorted({name.decode(errors="replace") for name in met} | set(queues))
        flat = [part.decode(errors="replace") for part in ledger.call("inspect", *names)]
    sets: dict[str, list[str]] = defaultdict(list)
    found: dict[str, Counter[tuple[str, str]]] = defaultdict(Counter)
    records: dict[str, str] = {}
    for what, where, member in zip(flat[::3], flat[1::3], flat[2::3], strict=True):
        if what == "set":
            sets[member].append(where)
        elif what == "record":
            records[member] = where
        else:
            found[what][where, member] += 1
    return list(_compare(records, sets, found))


def _compare(
    records: dict[str, str],
    sets: dict[str, list[str]],
    found: dict[str, Counter[tuple[str, str]]],
) -> Iterator[Difference]:
    claimed: set[tuple[str, str]] = set()
    for job_id in records.keys() | sets.keys():
        record = records.get(job_id)
        if record is None:
            yield Difference(job_id, f"is in the set {sets[job_id]} and has no record")
            continue
        if record == "unreadable":
            yield Difference(job_id, "has a record that cannot be read")
            continue
        state, delivery, queue = record.split(" ")
        if sets.get(job_id) != [state]:
            yield Difference(job_id, f"is {state}, and in the sets {sets.get(job_id, [])}")
        place = _PLACES.get(JobState(state))
        names = [(f"{queue}{place}", name) for name in (f"{job_id}#{delivery}", delivery)]
        if place is None:
            continue
        where = next((name for name in names if found["message"][name]), None)
        if where is None:
            yield Difference(job_id, f"is {state}, and {queue}{place} has no message of it")
            continue
        claimed.add(where)
        yield from _placed(job_id, state, where, found)
    for where in found["message"].keys() - claimed:
        job_id = where[1].rpartition("#")[0]
        # A job that was sent twice has an older delivery besides its record's.
        if job_id not in records:
            yield Difference(where[1], f"has a message in {where[0]} and no record")


def _placed(
    job_id: str,
    state: str,
    where: tuple[str, str],
    found: dict[str, Counter[tuple[str, str]]],
) -> Iterator[Difference]:
    waits, held = found["waits"][where], found["held"][where]
    if waits + held != 1:
        yield Difference(
            job_id, f"is {state}; its delivery waits {waits} times and is held by {held} workers"
        )
    elif state == JobState.RUNNING and not held:
        yield Difference(job_id, "is running, and no worker holds its delivery")
