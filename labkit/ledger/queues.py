"""QueueFinder: which queues a namespace has, also those that no labkit process has declared.

Stock Dramatiq keeps no list of its queues; each shows itself by the hash of its messages. ``SCAN``
finds them in steps of a fraction of a millisecond, whatever else the Redis holds.
"""

from __future__ import annotations

import time
from typing import Any

import redis

from labkit.ledger.keys import pattern

#: Keys that Redis looks at in one step.
STEP = 1_000


class QueueFinder:
    """The queues of one namespace, as far as they have been found; what was found stays."""

    def __init__(self, client: redis.Redis, namespace: str) -> None:
        self.client = client
        self.names: set[str] = set()
        self._prefix = f"{namespace}:"
        self._pattern = pattern(namespace, "*.msgs")
        self._cursor = 0
        self._has_seen_all = False

    def look(self, budget: float = 0.01, *, whole: bool = True) -> set[str]:
        """Look on for about ``budget`` seconds; all that were found so far.

        With ``whole`` the first look goes to the end, however long that takes.
        """
        deadline = time.monotonic() + budget
        while True:
            reply: Any = self.client.scan(self._cursor, match=self._pattern, count=STEP)
            self._cursor, found = reply
            for key in found:
                name = key.decode(errors="replace")[len(self._prefix) :].removesuffix(".msgs")
                self.names.add(name.removesuffix(".DQ").removesuffix(".XQ"))
            if self._cursor == 0:
                self._has_seen_all = True
                return self.names
            if (self._has_seen_all or not whole) and time.monotonic() > deadline:
                return self.names
