"""The key layout: every Redis key that Dramatiq or the ledger writes, in one place.

Dramatiq's own, for a queue ``q`` in namespace ``ns`` (they are the truth; workers live on them)::

    ns:q                     list    deliveries that wait, oldest first
    ns:q.msgs                hash    delivery -> payload
    ns:q.DQ  ns:q.DQ.msgs    the same for delayed ones
    ns:q.XQ  ns:q.XQ.msgs    sorted set by time of death, and hash: dead letters
    ns:__acks__.<worker>.q   set     deliveries that a worker holds: prefetched or running
    ns:__heartbeats__        sorted set  workers by last sign of life

The ledger's, all under ``ns:__ledger__.``, a name that no queue can have::

    jobs       hash         job id -> record (see ``records``)
    <state>    sorted set   job ids of that state; scheduled and retrying by ETA, else by the time
                            at which they came into it (milliseconds)
    events     stream       every change of state, capped
    minute.<n> hash         of the n-th minute since 1970, for a day: "<queue>/<state>" -> how many
                            jobs came into it; "<queue>/waited/<step>" -> how many began after so
                            long (see ``history``)
    workers    hash         worker -> what it is: host, pid, threads, queues, actors
    quiet      set          workers that are to take no more jobs
    queues     set          every queue that the ledger has met
    due.<q>    sorted set   deliveries of q.DQ that a labkit worker has taken in, by ETA
    recovered  hash         deliveries taken back from a dead worker -> starts since then

A delivery is named ``<job id>#<suffix>``: sending a job again, or retrying it, is a new delivery
of the same job. Stock Dramatiq names a delivery by a bare UUID.
"""

from __future__ import annotations

from importlib.resources import files
from typing import Final

#: The most changes of state that the stream remembers (Redis trims it in blocks, so a few more).
EVENTS_KEPT: Final = 10_000
#: The operations; each is a ``.lua`` file.
SCRIPTS: Final = (
    "adopt",
    "beat",
    "enqueue",
    "fetch",
    "mend",
    "promote",
    "purge",
    "reclaim",
    "recover",
    "release",
    "restart",
    "settle",
    "start",
    "survey",
)


class Keys:
    """The ledger's keys in one namespace."""

    def __init__(self, namespace: str) -> None:
        self.namespace = namespace
        self.prefix = f"{namespace}:__ledger__."
        self.jobs = self.prefix + "jobs"
        self.events = self.prefix + "events"
        self.workers = self.prefix + "workers"
        self.quiet = self.prefix + "quiet"
        self.queues = self.prefix + "queues"

    def due(self, queue: str) -> str:
        """The sorted set, by ETA, of the deliveries of ``queue`` that wait for their time."""
        return f"{self.prefix}due.{queue}"

    def minute(self, number: int) -> str:
        """The hash that counts what happened in a minute, by its number since 1970."""
        return f"{self.prefix}minute.{number}"

    def state(self, state: str) -> str:
        """The sorted set of the jobs in ``state``."""
        return self.prefix + state


def delivery_name(job_id: str, suffix: str) -> str:
    """The ``redis_message_id`` of one delivery of a job."""
    return f"{job_id}#{suffix}"


def pattern(namespace: str, rest: str = "*") -> str:
    """What ``SCAN`` matches a namespace's keys with, whatever characters its name has."""
    return "".join(f"\\{c}" if c in "*?[]^\\" else c for c in namespace) + f":{rest}"


def script(name: str) -> str:
    """The Lua source of one operation, with the words that all of them share in front."""
    folder = files("labkit.ledger")
    shared = ["common", "pull"] if name.startswith("act") else ["common"]
    *front, body, finish = (
        folder.joinpath(f"{part}.lua").read_text(encoding="utf-8")
        for part in (*shared, name, "finish")
    )
    # In a function, for it may return early, and what all scripts end with must still be done.
    main = f"local function run()\n{body}\nend\nlocal reply = run()"
    return "\n".join((*front, main, finish, "return reply\n"))
