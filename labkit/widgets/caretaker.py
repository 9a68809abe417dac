"""Caretaker: keeps the records true where stock workers are at work and no labkit worker is.

A labkit worker does that once a second. Where there is none, whoever watches and may write does: it
writes labkit's own records and nothing of Dramatiq's, or a board would show jobs that are long
over. For who may only look, ``Bystander`` sees the same and writes nothing.
"""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING, Any

from labkit.ledger.bystander import Bystander
from labkit.ledger.reader import Ledger
from labkit.ledger.reconcile import Reconciler
from labkit.ledger.records import JobState
from labkit.redis_client import redis_errors
from labkit.widgets.looking import LOST

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from labkit.ledger.workers import WorkerCard

log = logging.getLogger(__name__)

#: Seconds between two passes, and seconds after a change for which stock workers are looked for as
#: often, while jobs wait; else a look each ``CALM`` seconds will do.
PASS = 1.0
ALERT = 5.0
CALM = 5.0
#: Milliseconds for which a sign of life counts: longer than CALM, or one could fall in between.
_SILENCE = 8_000


class Caretaker:
    """Cares for one ledger; used from one thread."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        # Who watches looks only, and may do nothing to a job; this keeps the books.
        books = Ledger(client=ledger.client, namespace=ledger.namespace)
        self._reconciler = Reconciler(books.client, books.namespace, books.call)
        self._last = self._alert_until = 0.0
        self._stirs = self._is_refused = False

    @property
    def pause(self) -> float:
        """Seconds until it is time to ask ``stirs`` again."""
        if self._stirs or time.monotonic() < self._alert_until:
            return PASS
        return CALM

    def stirs(self) -> bool:
        """Whether any worker lives, or did at the last call: a reason to look, by one command."""
        since = int(time.time() * 1000) - _SILENCE
        with redis_errors(self._ledger.client):
            found: Any = self._ledger.client.zcount(
                f"{self._ledger.namespace}:__heartbeats__", since, "+inf"
            )
        did, self._stirs = self._stirs, bool(found)
        return did or self._stirs

    def care(self, counts: Mapping[JobState, int], workers: Sequence[WorkerCard]) -> None:
        """After a look that showed these: mend the records, if nobody else does."""
        if workers or self._is_refused or JobState.COMPLETED not in counts:
            self._alert_until = 0.0
            self._stirs = False
            return
        has_live = any(count for state, count in counts.items() if not state.is_final)
        now = time.monotonic()
        if has_live or self._stirs:
            self._alert_until = now + ALERT
            if not isinstance(self._ledger, Bystander) and now - self._last > PASS * 0.9:
                self._last = now
                self._pass()

    def _pass(self) -> None:
        try:
            if self._reconciler.is_needed():
                self._reconciler.run(0.05)
        except LOST as error:  # a user who may only read; or Redis is away, which a look tells
            log.debug("The records stay as they are: %s", error)
            self._is_refused = "NOPERM" in str(error) or "READONLY" in str(error)
