"""Sending: how messages get into Redis, and the one seam of the testing modes.

``enqueue_many`` asks ``modes`` whether messages go to Redis, into a list, or are run at once; and
while the hooks behind a job's body run, what they send is held until that job's ack.
"""

from __future__ import annotations

import itertools
import json
import math
import os
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

from dramatiq import Message, Middleware
from dramatiq.brokers.redis import RedisBroker
from dramatiq.common import current_millis, dq_name

from labkit import modes
from labkit.codec import encode, refuse_misfit, refuse_unfit
from labkit.delivery import Delivery
from labkit.errors import InvalidSchedule, ModeError, RedisUnavailable, TooManyJobs
from labkit.ledger import keys
from labkit.ledger.records import JobState
from labkit.modes import Mode
from labkit.one_ahead import OneAhead
from labkit.redis_client import LOST, address_of, redis_errors

if TYPE_CHECKING:
    from redis import Redis

#: Messages enqueued in one round trip.
SLICE = 1_000

#: A message that is ready to go, with its payload and what its record says of it.
Ready = tuple[Message[Any], bytes, int | str]


class Sending(RedisBroker):
    """The half of ``LabBroker`` that a producer uses."""

    keys: keys.Keys
    max_waiting: int
    max_megabytes: int
    _thread: threading.local

    if TYPE_CHECKING:
        wait_replicas: int

        def call(self, script: str, *arguments: Any, client: Redis | None = None) -> Any: ...

    def enqueue(self, message: Message[Any], *, delay: int | None = None) -> Message[Any]:
        """Enqueue a message; with ``delay`` (milliseconds) not before that time has passed.

        Raises:
          ArgumentNotJSON: an argument that a message cannot carry. Nothing was sent.
          InvalidSchedule: a delay that is no number of milliseconds. Nothing was sent.
          TooManyJobs: as many wait as ``Settings`` allows. Nothing was sent.
          RedisUnavailable, RedisRefused: Redis did not take it.
        """
        return self.enqueue_many([message], delay=delay)[0]

    def enqueue_many(
        self, messages: Sequence[Message[Any]], *, delay: int | None = None
    ) -> list[Message[Any]]:
        """Enqueue messages in slices of a thousand, each in one round trip: all of it or none.

        Raises:
          ArgumentNotJSON: nothing at all was sent.
          RedisUnavailable, RedisRefused, TooManyJobs: a slice failed; a note on the error says
            which, and that all before it were sent.
        """
        eta = None if delay is None else _due(delay)
        if len(messages) <= SLICE:
            return self._enqueue_slice(messages, eta, delay, self._push)
        for message in messages:
            refuse_unfit(message)
        sent: list[Message[Any]] = []
        # While Redis takes one slice in, the next is made ready.
        with OneAhead(self._push) as push:
            for first in range(0, len(messages), SLICE):
                part = messages[first : first + SLICE]
                sent += self._enqueue_slice(part, eta, delay, push)
        return sent

    def _enqueue_slice(
        self,
        messages: Sequence[Message[Any]],
        eta: int | None,
        delay: int | None,
        push: Callable[[list[Ready]], None],
    ) -> list[Message[Any]]:
        ready: list[Ready] = []
        for message in messages:
            addressed = _address(message, eta)
            ready.append((addressed, *encode(addressed)))
        sent = [message for message, _, _ in ready]
        mode = modes.current()
        if mode is Mode.INLINE:
            self._run_inline(ready)
            return sent
        self._signal("before_enqueue", sent, delay)
        if mode is Mode.FAKE:
            modes.fake_jobs().extend(Message.decode(payload) for _, payload, _ in ready)
        elif (held := self._held()) is not None:
            held.extend(ready)
        else:
            push(ready)
        self._signal("after_enqueue", sent, delay)
        return sent

    def _signal(self, signal: str, messages: list[Message[Any]], delay: int | None) -> None:
        # In bulk the signals cost more than the sending, and hardly a middleware listens to them.
        if len(messages) > 1:
            unheard = getattr(Middleware, signal)
            if all(getattr(type(m), signal, None) is unheard for m in self.middleware):
                return
        emit = self.emit_before if signal.startswith("before") else self.emit_after
        for message in messages:
            emit("enqueue", message, delay)

    def _push(self, ready: list[Ready]) -> None:
        try:
            values = [self.max_waiting, self.max_megabytes * 2**20, *enqueue_values(ready)]
            with redis_errors(self.client):
                try:
                    replicas = self._write(values)
                except LOST:
                    # The reply may be lost, and the messages there: the script then does nothing.
                    replicas = self._write(values)
        except (AttributeError, UnicodeEncodeError):
            for message, _, _ in ready:
                refuse_misfit(message)
            raise
        if replicas < self.wait_replicas:
            raise RedisUnavailable(
                f"Redis at {address_of(self.client)} took the jobs, but {replicas} replicas have "
                f"them by now, and not {self.wait_replicas}: if it fails, they may be lost."
            )

    def _write(self, values: list[Any]) -> int:
        """Enqueue; how many replicas have it, where that was asked for."""
        if not self.wait_replicas:
            self._refuse_too_many(self.call("enqueue", *values))
            return 0
        timeout = self.client.connection_pool.connection_kwargs.get("socket_timeout") or 5.0
        with self.client.client() as one:  # WAIT speaks of what its own connection has written
            self._refuse_too_many(self.call("enqueue", *values, client=one))
            return int(one.wait(self.wait_replicas, int(timeout * 500)))

    def _refuse_too_many(self, full: list[int] | None) -> None:
        if full is not None:
            raise TooManyJobs(
                f"{full[0]:,} jobs wait in the namespace {self.namespace!r}, and its messages hold "
                f"{full[1] / 2**20:.1f} MB. These would pass its bounds, {self.max_waiting:,} jobs "
                f"and {self.max_megabytes:,} MB, so nothing was sent. Start a worker that runs "
                "them, or `labkit clear` them. LABKIT_MAX_WAITING and LABKIT_MAX_MEGABYTES set "
                "the bounds; 0 is none."
            )

    def do_enqueue(self, queue_name: str, redis_id: str | bytes, payload: bytes) -> None:
        """Put bytes into a queue (stock signature); without a record, as they may be no message."""
        super().__getattr__("do_enqueue")(queue_name, redis_id, payload)  # type: ignore[no-untyped-call]

    def knows(self, actor_name: str) -> bool | None:
        """Whether a worker that is alive has declared the actor; None when no worker is alive."""
        with redis_errors(self.client), self.client.pipeline(transaction=False) as pipe:
            pipe.hgetall(self.keys.workers)
            since = current_millis() - self.heartbeat_timeout
            pipe.zrangebyscore(f"{self.namespace}:__heartbeats__", since, "+inf")
            stored, alive = pipe.execute()
        cards = {worker: card for worker, card in stored.items() if worker in alive}
        if not cards:
            return None
        return any(actor_name in card["actors"] for card in self._cards(cards).values())

    @staticmethod
    def _cards(stored: Any) -> dict[str, dict[str, list[str]]]:
        """The queues and actors on the workers' cards; a card that cannot be read is left out."""
        cards = {}
        for worker, raw in stored.items():
            with suppress(ValueError, KeyError, TypeError):
                card = json.loads(raw)
                cards[worker.decode()] = {name: list(card[name]) for name in ("queues", "actors")}
        return cards

    # -- held, inline and drained ------------------------------------------------------------------

    def _held(self) -> list[Ready] | None:
        held: list[Ready] | None = getattr(self._thread, "held", None)
        return held

    @contextmanager
    def hold(self, held: list[Ready]) -> Iterator[None]:
        """What this thread enqueues inside the block waits in ``held``."""
        before, self._thread.held = self._held(), held
        try:
            yield
        finally:
            self._thread.held = before

    def _run_inline(self, ready: list[Ready]) -> None:
        """Run messages now, in this thread, arguments through JSON first; errors are raised."""
        if (held := self._held()) is not None:
            held.extend(ready)
            return
        for _, payload, _ in ready:
            job = Delivery(Message.decode(payload))
            actor = self.get_actor(job.actor_name)
            RedisBroker.emit_before(self, "process_message", job)
            followers: list[Ready] = []
            try:
                result = actor(*job.args, **job.kwargs)
            except BaseException as error:
                # The hooks tidy up after themselves; the retry that they ask for is dropped.
                with self.hold(followers):
                    RedisBroker.emit_after(self, "process_message", job, exception=error)
                raise
            with self.hold(followers):
                RedisBroker.emit_after(self, "process_message", job, result=result)
            self._run_inline(followers)

    def drain(self) -> int:
        """Run this thread's fake jobs, and those that they send, until none is left.

        Returns how many ran. A job that raises leaves the list and its error reaches the caller.

        Raises:
          ModeError: outside the fake mode.
        """
        if modes.current() is not Mode.FAKE:
            raise ModeError("drain() runs the jobs of the fake mode. Use it inside `with fake():`.")
        waiting, ran = modes.fake_jobs(), 0
        while waiting:
            job = waiting.pop(0)
            self.get_actor(job.actor_name)(*job.args, **job.kwargs)
            ran += 1
        return ran


def enqueue_values(ready: list[Ready]) -> list[Any]:
    """What ``deliver`` in common.lua takes: messages that go the same way in one group."""
    values: list[Any] = []
    for way, group in itertools.groupby(ready, key=lambda item: _way(item[0])):
        start = len(values)
        values += [*way, 0]
        for message, payload, sent in group:
            values += (message.options["redis_message_id"], payload, sent)
        values[start + 3] = (len(values) - start - 4) // 3
    return values


def _way(message: Message[Any]) -> tuple[str, str, int | str]:
    """Queue, state and ETA."""
    if not message.queue_name.endswith(".DQ"):
        return message.queue_name, JobState.ENQUEUED.value, "-"
    state = JobState.RETRYING if message.options.get("retries") else JobState.SCHEDULED
    return message.queue_name, state.value, int(message.options["eta"])


def _due(delay: float) -> int:
    """The time, in milliseconds, at which ``delay`` is over."""
    try:
        return current_millis() + math.floor(delay)
    except (TypeError, ValueError, OverflowError):
        raise InvalidSchedule(f"A delay is milliseconds, and not {delay!r}.") from None


def _address(message: Message[Any], eta: int | None) -> Message[Any]:
    """The message under the name of a new delivery, for a job may be delivered more than once."""
    name = keys.delivery_name(message.message_id, os.urandom(4).hex())
    queue_name, options = message.queue_name, {**message.options, "redis_message_id": name}
    if eta is not None:
        queue_name, options["eta"] = dq_name(queue_name), eta
    elif str(queue_name).endswith(".DQ") and not isinstance(options.get("eta"), int | float):
        raise InvalidSchedule(
            f"{message.actor_name}: {queue_name} is delayed, and eta says no time."
        )
    return Message(
        queue_name=queue_name,
        actor_name=message.actor_name,
        args=message.args,
        kwargs=message.kwargs,
        options=options,
        message_id=message.message_id,
        message_timestamp=message.message_timestamp,
    )
