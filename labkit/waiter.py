"""Waiter: sleeps until a list in Redis has something, or until the very millisecond asked for.

``BLMOVE q q LEFT LEFT`` takes nothing out, so a kill while it waits loses nothing, and stock
producers wake it too. Redis itself ends such a wait up to a tenth of a second late, when it next
looks at its clock. So the time is kept here, on the socket, and the command stays with Redis: the
next wait goes on with it.
"""

from __future__ import annotations

import time
from typing import Any

import redis
import redis.exceptions

from labkit.redis_client import LOST


class Waiter:
    """Waits for one list, on a connection of its own.

    Parameters:
      client: Of which it takes one connection; nobody else uses it.
      key: The list.
      longest: Milliseconds that Redis may hold the command; with no reply after twice as many, the
        connection counts as lost.
    """

    def __init__(self, client: redis.Redis, key: str, longest: int) -> None:
        self._client = client
        self._key = key
        # Redis 6 cuts to whole milliseconds, 0.001 s to none, and none is to wait without an end.
        self._seconds = (longest + 0.5) / 1000
        self._own: Any = None  # the client that holds the one connection
        self._asked_at: float | None = None

    def wait(self, millis: int) -> bool:
        """Sleep until the list is not empty, at most so long.

        Returns:
          bool: whether it may have something by now.

        Raises:
          redis.ConnectionError, redis.TimeoutError: the connection is lost; the next wait makes
            another.
        """
        try:
            asked_at = self._ask()
            if self._own.connection.can_read(timeout=millis / 1000):
                self._asked_at = None
                return self._own.connection.read_response() is not None
            if time.monotonic() - asked_at > 2 * self._seconds:
                raise redis.exceptions.TimeoutError("no reply to a command that blocks")
            return False
        except redis.exceptions.OutOfMemoryError:
            # The command may need memory, as Redis sees it, and there is none: then this polls.
            time.sleep(min(millis / 1000, 0.05))
            return True
        except LOST:
            self.close()
            raise

    def _ask(self) -> float:
        if self._own is None:
            self._own = self._client.client()
        if self._asked_at is None:
            move = ("BLMOVE", self._key, self._key, "LEFT", "LEFT", self._seconds)
            self._own.connection.send_command(*move)
            self._asked_at = time.monotonic()
        return self._asked_at

    def close(self) -> None:
        """Give up the connection; may be called again."""
        self._own = self._asked_at = None
        self._client.connection_pool.disconnect()
