"""Promoter: the consumer of a delayed queue. It moves jobs into their queue when they are due.

It hands nothing to its worker, whose memory therefore does not grow with what is scheduled. What
waits is a sorted set by ETA in Redis, so ten thousand far jobs delay no near one, and a job can be
cancelled, moved or run at once until a worker has fetched it.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import redis
from dramatiq import Consumer, MessageProxy
from dramatiq.errors import ConnectionClosed

from labkit.ledger.reconcile import describe_foreign
from labkit.ledger.records import JobState
from labkit.redis_client import LOST

if TYPE_CHECKING:
    from labkit.broker import LabBroker

#: Deliveries moved in one step: Redis does nothing else meanwhile.
STEP = 500


class Promoter(Consumer):
    """The consumer of one delayed queue; ``timeout`` is its longest wait in milliseconds."""

    def __init__(self, broker: LabBroker, queue_name: str, timeout: int) -> None:
        self.broker = broker
        self.queue = queue_name.removesuffix(".DQ")
        self.timeout = timeout
        self._waiter = broker.new_waiter(f"{self.queue}.DQ")

    def __next__(self) -> None:
        try:
            next_due = self.promote()
            while next_due == 0:
                next_due = self.promote()
            self._waiter.wait(min(self.timeout, self.timeout if next_due is None else next_due))
        except LOST as error:
            raise ConnectionClosed(error) from None

    def promote(self) -> int | None:
        """Take in what came, move what is due; milliseconds until the next is, or None."""
        reply = self.broker.call("promote", self.broker.broker_id, self.queue, STEP)
        count, next_due, foreign = reply[0], reply[1], reply[2:]
        if foreign:
            self._adopt(foreign)
            return 0
        if count == STEP:
            return 0
        return int(next_due) if next_due else None

    def _adopt(self, foreign: list[bytes]) -> None:
        arguments: list[Any] = [self.queue, "take"]
        for name, payload in zip(foreign[::2], foreign[1::2], strict=True):
            arguments += describe_foreign(self.queue, name, payload, JobState.SCHEDULED)
        self.broker.call("adopt", *arguments)

    def ack(self, message: MessageProxy) -> None:
        """Nothing was handed out, so nothing comes back."""

    def nack(self, message: MessageProxy) -> None:
        """Nothing was handed out, so nothing comes back."""

    def requeue(self, messages: Iterable[MessageProxy]) -> None:
        """Nothing was handed out, so nothing comes back."""

    def close(self) -> None:
        """The last promoter of the queue leaves what waits to stock workers."""
        try:
            if not self.broker.has_other_workers(self.queue):
                self.broker.call("release", self.queue)
        except redis.RedisError as error:  # any other than ConnectionClosed would end the thread
            raise ConnectionClosed(error) from None
        finally:
            self._waiter.close()
