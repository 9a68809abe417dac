"""Settler: the thread that writes what a worker's threads have begun and finished.

A worker thread puts its delivery here and goes on. What has come meanwhile is written together, up
to ``BATCH`` deliveries in one script call, each of them whole. When Redis is away it tries again
until it is back, so a finished job is settled late rather than run again.
"""

from __future__ import annotations

import itertools
import queue
import threading
import time
from collections.abc import Callable
from typing import Any

from dramatiq import get_logger

from labkit.delivery import Delivery
from labkit.redis_client import LOST

BATCH = 256
#: A start waits this long for its end: most bodies are quicker, and then one write does for both.
START_DELAY = 0.005
#: Seconds between two writes, at least: acks are late by no more, and a rush is written in few.
GATHER = 0.002
RETRY_DELAYS = (0.05, 0.1, 0.2, 0.5, 1.0)

#: A delivery that ended, with its queue, or one that has begun.
Item = tuple[str | None, Delivery]

#: Errors that Redis takes back by itself, by the beginning of their text.
_PASSING = (
    "OOM",
    "command not allowed when used memory",
    "READONLY",
    "You can't write against a",
    "MISCONF",
    "LOADING",
    "BUSY",
    "NOREPLICAS",
    "TRYAGAIN",
    "MASTERDOWN",
)


class Settler:
    """Writes starts and ends in the order in which they came.

    Parameters:
      write_starts, write_ends: Write these deliveries, all or none; called from this thread alone.
    """

    def __init__(
        self,
        write_starts: Callable[[list[Delivery]], None],
        write_ends: Callable[[list[tuple[str, Delivery]]], None],
    ) -> None:
        self.logger = get_logger(__name__, type(self))
        self._write_starts = write_starts
        self._write_ends = write_ends
        self._queue: queue.SimpleQueue[Item | threading.Event] = queue.SimpleQueue()
        self._is_closed = False
        self._thread = threading.Thread(target=self._run, name="labkit-settler", daemon=True)
        self._thread.start()

    def started(self, delivery: Delivery) -> None:
        """A thread has begun the body of a delivery."""
        self._queue.put((None, delivery))

    def ended(self, queue_name: str, delivery: Delivery) -> None:
        """A thread is done with a delivery of this queue."""
        self._queue.put((queue_name, delivery))

    def flush(self, timeout: float) -> bool:
        """Wait until all is written; False when it was not within ``timeout`` seconds."""
        reached = threading.Event()
        self._queue.put(reached)
        return reached.wait(timeout)

    def close(self, timeout: float) -> bool:
        """Write what is left and end the thread; False when it was not within ``timeout`` seconds.

        What could not be written stays in the worker's acks, and is taken back from there.
        """
        is_written = self.flush(timeout)
        self._is_closed = True
        self._queue.put(threading.Event())
        self._thread.join(1.0)
        return is_written

    def _run(self) -> None:
        earliest = 0.0
        while not self._is_closed:
            batch, reached = self._gather(earliest)
            self._write(batch)
            earliest = time.monotonic() + GATHER
            if reached is not None:
                reached.set()

    def _gather(self, earliest: float) -> tuple[list[Item], threading.Event | None]:
        """What there is to write, and whom to tell when that is done.

        What comes alone is taken at once; in a rush, not before ``earliest``, with all that has
        come meanwhile. As long as only starts have come, it waits a little for an end.
        """
        batch: list[Item] = []
        item = self._queue.get()
        time.sleep(max(0.0, earliest - time.monotonic()))
        deadline = time.monotonic() + START_DELAY
        while not isinstance(item, threading.Event):
            batch.append(item)
            if len(batch) == BATCH:
                return batch, None
            is_end = item[0] is not None
            deadline = 0.0 if is_end else deadline
            wait = deadline - time.monotonic()
            try:
                item = self._queue.get(timeout=wait) if wait > 0 else self._queue.get_nowait()
            except queue.Empty:
                return batch, None
        return batch, item

    def _write(self, batch: list[Item]) -> None:
        ends = [(queue_name, delivery) for queue_name, delivery in batch if queue_name is not None]
        ended = {id(delivery) for _, delivery in ends}
        # A job that a stock producer sent gets its record with its start.
        starts = [
            delivery
            for queue_name, delivery in batch
            if queue_name is None and (id(delivery) not in ended or "#" not in delivery.name)
        ]
        if starts:
            self._insist(self._write_starts, starts)
        if ends:
            self._insist(self._write_ends, ends)

    def _insist(self, write: Callable[[list[Any]], None], items: list[Any]) -> None:
        for attempt in itertools.count():
            try:
                write(items)
                return
            except Exception as error:
                if not is_passing(error):
                    self._refused(write, items)
                    return
                if attempt == 0:
                    self.logger.warning("Redis is away; acks wait until it is back: %s", error)
                if self._is_closed:
                    return
                time.sleep(RETRY_DELAYS[min(attempt, len(RETRY_DELAYS) - 1)])

    def _refused(self, write: Callable[[list[Any]], None], items: list[Any]) -> None:
        if len(items) > 1:  # one of them spoils the batch; the others need not suffer
            for item in items:
                self._insist(write, [item])
            return
        self.logger.exception("Redis refused to settle %r; the job will run again.", items[0])


def is_passing(error: Exception) -> bool:
    """Whether the same command may succeed later: a lost connection, a failover, no memory."""
    return isinstance(error, LOST) or str(error).startswith(_PASSING)
