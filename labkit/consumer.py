"""LabConsumer: takes deliveries off one queue for a worker, and settles them.

Dramatiq's worker asks a consumer for the next message, hands it to a thread, and gives it back when
the thread is done. A ``Delivery`` is that message with what the ledger wants to know about its run.
"""

from __future__ import annotations

import time
import traceback
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

import redis.exceptions
from dramatiq import Consumer, Message, MessageProxy, get_logger
from dramatiq.common import compute_backoff
from dramatiq.errors import ConnectionClosed

from labkit.ledger import records
from labkit.ledger.records import JobState

if TYPE_CHECKING:
    from labkit.broker import LabBroker

#: redis-py's TimeoutError is no ConnectionError; to a worker both mean: try again.
_LOST = (redis.exceptions.ConnectionError, redis.exceptions.TimeoutError)


class Delivery(MessageProxy):
    """A message in a worker's hands."""

    def __init__(self, message: Message[Any]) -> None:
        super().__init__(message)
        self.started: int | None = None
        self.finished: int | None = None
        self.exception: BaseException | None = None
        self.is_skipped = False
        #: What the hooks enqueued behind the body, with its payload: goes out with the ack.
        self.held: list[tuple[Message[Any], bytes]] = []

    @property
    def final_state(self) -> JobState:
        """The job's state once this delivery is settled (unless a retry follows it)."""
        if self.failed:
            return JobState.DEAD
        return JobState.CANCELLED if self.is_skipped else JobState.COMPLETED

    def describe_attempt(self, worker: str) -> str:
        """The line of this attempt in the record; empty when the body did not run."""
        error = self.exception or self._exception
        if self.finished is None and error is None:
            return ""
        shown = f"{type(error).__name__}: {error}" if error else ""
        return records.describe_attempt(
            started=self.started,
            finished=self.finished or int(time.time() * 1000),
            worker=worker,
            error=shown,
            traceback="".join(traceback.format_exception(error)) if error else "",
        )

    def as_failed(self, encode: Callable[[Message[Any]], bytes]) -> bytes | str:
        """The payload of the dead letter: as it failed, so with the traceback of this attempt."""
        error = self.exception or self._exception
        options = {"traceback": "".join(traceback.format_exception(error))} if error else {}
        try:
            return encode(self._message.copy(options=options))
        except Exception:
            return ""  # then the payload stays as it was fetched

    def clear_exception(self) -> None:
        super().clear_exception()
        self.exception = None


class LabConsumer(Consumer):
    """The consumer of one queue.

    Parameters:
      prefetch: How many deliveries it may hold that no thread has finished.
      timeout: Its longest idle wait, in milliseconds.
    """

    def __init__(self, broker: LabBroker, queue_name: str, prefetch: int, timeout: int) -> None:
        self.logger = get_logger(__name__, type(self))
        self.broker = broker
        self.queue_name = queue_name
        self.prefetch = prefetch
        self.timeout = timeout
        self._fetched: list[bytes | None] = []
        self._unsettled: set[str] = set()
        self._misses = 0

    def __next__(self) -> Delivery | None:
        try:
            if not self._fetched:
                room = self.prefetch - len(self._unsettled)
                if room > 0:
                    self._fetched = self.broker.do_fetch(self.queue_name, room)
        except _LOST as error:
            raise ConnectionClosed(error) from None
        while self._fetched:
            payload = self._fetched.pop(0)
            if payload is None:  # an id whose message somebody removed
                continue
            message = Message.decode(payload)
            self._unsettled.add(message.options["redis_message_id"])
            self._misses = 0
            return Delivery(message)
        self._misses, wait = compute_backoff(self._misses, max_backoff=self.timeout)
        time.sleep(wait / 1000)
        return None

    def ack(self, message: MessageProxy) -> None:
        """Settle a delivery that a thread is done with."""
        self._settle(message)

    def nack(self, message: MessageProxy) -> None:
        """Settle a delivery that failed for good: it becomes a dead letter."""
        self._settle(message)

    def _settle(self, message: MessageProxy) -> None:
        # Only a test's own message is no Delivery; a worker gives back what __next__ gave it.
        delivery = message if isinstance(message, Delivery) else Delivery(message._message)
        try:
            self.broker.settle(self.queue_name, delivery)
        except _LOST as error:
            raise ConnectionClosed(error) from None  # the worker tries again
        self._unsettled.discard(message.options["redis_message_id"])

    def requeue(self, messages: Iterable[MessageProxy]) -> None:
        """Give back deliveries that no thread has begun."""
        names = [message.options["redis_message_id"] for message in messages]
        if names:
            self.broker.do_requeue(self.queue_name, *names)
