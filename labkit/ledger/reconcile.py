"""Reconcile: bring the records back to the truth after stock Dramatiq has been at work.

While all writers are labkit's there is nothing to do, and counting is all that this does. A stock
producer leaves messages without a record; a stock worker takes jobs away, retries them and buries
them without a word. Each pass adopts the former and mends the latter, within a budget of time, and
goes on where it stopped.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from typing import Any

import redis

from labkit.codec import decode
from labkit.ledger import records
from labkit.ledger.foreign import describe_last_attempt
from labkit.ledger.keys import Keys
from labkit.ledger.queues import QueueFinder
from labkit.ledger.records import JobState

#: Dramatiq's own default: a worker that has been silent for so long (ms) is dead.
HEARTBEAT_TIMEOUT = 60_000
PAGE = 500
MENDED_STATES = (
    JobState.RUNNING,
    JobState.ENQUEUED,
    JobState.SCHEDULED,
    JobState.RETRYING,
    JobState.DEAD,
)
_PLACES = {"": JobState.ENQUEUED, ".DQ": JobState.SCHEDULED, ".XQ": JobState.DEAD}


class Reconciler:
    """Passes over one namespace.

    Parameters:
      call: Runs a script of the ledger by name.
      queues: The queues that are known besides those that the ledger has met.
    """

    def __init__(
        self,
        client: redis.Redis,
        namespace: str,
        call: Callable[..., Any],
        queues: Callable[[], Iterable[str]] = tuple,
    ) -> None:
        self.client = client
        self.keys = Keys(namespace)
        self._call = call
        self._queues = queues
        self._finder = QueueFinder(client, namespace)
        self._cursors: dict[str, int] = {}

    def queues(self) -> list[str]:
        """Every queue that the ledger or the caller has met, and those of stock producers."""
        met: Any = self.client.smembers(self.keys.queues)
        found = self._finder.look(0.005, whole=False)
        names = {name.decode(errors="replace") for name in met}
        return sorted(names | found | set(self._queues()))

    def is_needed(self) -> bool:
        """Whether a record may be missing or stale: one round trip after the queues' names."""
        messages, known, has_stock = self._call("survey", HEARTBEAT_TIMEOUT, *self.queues())
        return bool(messages != known or has_stock)

    def run(self, budget: float = 0.2) -> int:
        """One pass of at most about ``budget`` seconds; returns how many records were mended."""
        deadline = time.monotonic() + budget
        for queue in self.queues():
            for place in _PLACES:
                self._adopt(queue, place, deadline)
        return sum(self._mend(state, deadline) for state in MENDED_STATES)

    def _adopt(self, queue: str, place: str, deadline: float) -> None:
        messages = f"{self.keys.namespace}:{queue}{place}.msgs"
        while True:
            cursor = self._cursors.get(messages, 0)
            reply: Any = self.client.hscan(messages, cursor, count=PAGE)
            self._cursors[messages], found = reply
            # A delivery with a job's id in its name was written together with its record.
            foreign = {name: payload for name, payload in found.items() if b"#" not in name}
            values: list[Any] = []
            for name, payload in foreign.items():
                values += describe_foreign(queue, name, payload, _PLACES[place])
            if values:
                # Never to be taken: who promotes a queue takes in what is delayed there himself.
                self._call("adopt", queue, "", *values)
            if self._cursors[messages] == 0 or time.monotonic() > deadline:
                return

    def _mend(self, state: JobState, deadline: float) -> int:
        mended: int = 0
        while True:
            first = self._cursors.get(state, 0)
            seen, changed = self._call("mend", state.value, first, first + PAGE - 1)
            mended += int(changed)
            # What was mended has left the set, and what stood behind it has moved up.
            self._cursors[state] = first + seen - changed if seen == PAGE else 0
            if seen < PAGE or time.monotonic() > deadline:
                return mended


def describe_foreign(queue: str, name: bytes, payload: bytes, state: JobState) -> list[Any]:
    """What adopt.lua takes for a delivery that labkit did not write; its name may be no text.

    A payload that is no message is recorded as such; the consumer makes it a dead letter.
    """
    try:
        message = decode(payload, name.decode(), queue)
        sent = records.describe(message.actor_name, queue, message.args, message.kwargs)
        values: list[Any] = [name, message.message_id, sent, int(message.message_timestamp)]
        attempt = describe_last_attempt(message.options)
        if state is not JobState.SCHEDULED:
            return [*values, state.value, "-", attempt]
        eta = message.options.get("eta", 0)
        due = int(eta) if isinstance(eta, int | float) else 0
        waits = JobState.RETRYING if message.options.get("retries") else state
        return [*values, waits.value, due, attempt]
    except (ValueError, TypeError, OverflowError):
        sent = records.describe("(unreadable message)", queue, (), {})
        due_now = 0 if state is JobState.SCHEDULED else "-"
        return [name, name.rpartition(b"#")[0] or name, sent, 0, state.value, due_now, ""]
