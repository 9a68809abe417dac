"""LabConsumer: takes deliveries off one queue for a worker.

It wakes when one comes (``waiter``), and holds as many as its worker does in some fifty
milliseconds, so that they are not kept from others or from a cancel.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import redis
from dramatiq import Consumer, MessageProxy, get_logger
from dramatiq.common import getenv_int
from dramatiq.errors import ConnectionClosed

from labkit.codec import decode
from labkit.delivery import Delivery
from labkit.redis_client import LOST

if TYPE_CHECKING:
    from labkit.broker import LabBroker

#: How much work a worker holds in advance.
AHEAD_SECONDS = 0.05
MOST = 512


class LabConsumer(Consumer):
    """The consumer of one queue.

    Parameters:
      prefetch: How many deliveries it may always hold; more when the worker is quick, unless
        Dramatiq's ``dramatiq_queue_prefetch`` fixes the number.
      timeout: Its longest idle wait, in milliseconds.
    """

    def __init__(self, broker: LabBroker, queue_name: str, prefetch: int, timeout: int) -> None:
        self.logger = get_logger(__name__, type(self))
        self.broker = broker
        self.queue_name = queue_name
        self.prefetch = prefetch
        self.timeout = timeout
        self._is_fixed = bool(getenv_int("dramatiq_queue_prefetch"))
        self._limit = prefetch
        self._ready: deque[Delivery] = deque()
        self._unsettled: set[str] = set()
        self._handed_out = 0
        self._room = threading.Condition()
        self._waiter = broker.new_waiter(queue_name)
        self._has_reclaimed = False
        self._settled, self._counted_at = 0, time.monotonic()

    @property
    def outstanding_message_count(self) -> int:
        """How many deliveries it holds that no thread has finished."""
        return len(self._unsettled) + len(self._ready)

    def __next__(self) -> Delivery | None:
        try:
            if not self._ready:
                self._refill()
            if not self._ready:
                return None
        except LOST as error:
            raise ConnectionClosed(error) from None
        delivery = self._ready.popleft()
        self._unsettled.add(delivery.name)
        self._handed_out += 1
        return delivery

    def _refill(self) -> None:
        self._adapt()  # first, so that there is room by this limit: Redis refuses a negative fetch
        if self.broker.is_quiet:
            time.sleep(self.timeout / 1000)
            return
        if not self._wait_for_room():
            return
        self._reclaim()
        if not self._fetch() and self._wait_for_more():
            self._fetch()

    def _wait_for_room(self) -> bool:
        with self._room:
            # Half empty is time to fetch: one fetch for each ack would be a round trip a job.
            return self._room.wait_for(self._has_room, self.timeout / 1000)

    def _has_room(self) -> bool:
        return len(self._unsettled) <= self._limit // 2

    def _fetch(self) -> bool:
        room = self._limit - len(self._unsettled)
        for name, payload, was_lost in self.broker.fetch(self.queue_name, room):
            if payload is None:  # somebody removed the message of a delivery that waited
                self.broker.settle_by_name(self.queue_name, name, is_dead=False)
                continue
            try:
                delivery = Delivery(decode(payload, name, self.queue_name), was_lost=was_lost)
            except ValueError as error:
                self.logger.error("Delivery %r is %s. It becomes a dead letter.", name, error)
                self.broker.bury(self.queue_name, name.encode(), payload, str(error))
                continue
            self.broker.in_hand[name] = delivery
            self._ready.append(delivery)
        return bool(self._ready)

    def _wait_for_more(self) -> bool:
        return self._waiter.wait(self.timeout)

    def _reclaim(self) -> None:
        if not self._has_reclaimed:
            self.broker.reclaim(self.queue_name)
            self._has_reclaimed = True

    def ack(self, message: MessageProxy) -> None:
        """Settle a delivery that a thread is done with."""
        self._settle(message, self.broker.do_ack)

    def nack(self, message: MessageProxy) -> None:
        """Settle a delivery that failed for good: it becomes a dead letter."""
        self._settle(message, self.broker.do_nack)

    def _settle(self, message: MessageProxy, settle: Any) -> None:
        name = message.options["redis_message_id"]
        try:
            settle(self.queue_name, name)
        except LOST as error:
            raise ConnectionClosed(error) from None  # the worker tries again
        finally:
            # A lock and a wake-up cost as much as a small job: only where the consumer may wait
            # for this one. It looks again under the lock, so none of its wake-ups is lost.
            self._unsettled.discard(name)
            if self._has_room():
                with self._room:
                    self._room.notify()

    def _adapt(self) -> None:
        """Once in a while: hold what this worker does in ``AHEAD_SECONDS``, within bounds."""
        now, settled = time.monotonic(), self._handed_out - len(self._unsettled)
        spent, done = now - self._counted_at, settled - self._settled
        if self._is_fixed or (spent < AHEAD_SECONDS and done < self._limit):
            return
        ahead = int(done / max(spent, 1e-6) * AHEAD_SECONDS)
        self._limit = max(self.prefetch, min(ahead, MOST, 4 * self._limit))
        self._settled, self._counted_at = settled, now

    def requeue(self, messages: Iterable[MessageProxy]) -> None:
        """Give back deliveries that no thread has begun."""
        names = [message.options["redis_message_id"] for message in messages]
        try:
            if names:
                self.broker.do_requeue(self.queue_name, *names)
        except redis.RedisError as error:  # any other than ConnectionClosed would end the thread
            raise ConnectionClosed(error) from None
        for name in names:
            self.broker.in_hand.pop(name, None)
            self._unsettled.discard(name)

    def close(self) -> None:
        """Give back what was fetched and not handed out; write what is not yet written."""
        waiting = list(self._ready)
        self._ready.clear()
        try:
            self.requeue(waiting)
            self.broker.flush_settled()
        except ConnectionClosed:
            for delivery in waiting:  # the next consumer's reclaim brings them back
                self.broker.in_hand.pop(delivery.name, None)
        self._waiter.close()
