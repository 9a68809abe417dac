"""LabBroker: Dramatiq's Redis broker with a ledger beside every step.

Enqueue, acknowledge and dead-letter are each one Lua script over Dramatiq's own keys, with the
job's record inside, so a kill at any instant leaves the two equal. Fetching, requeueing and
maintenance are stock. Stock workers and producers can share the Redis.

Here, too, is the one seam of the testing modes: ``LabBroker.enqueue`` asks ``modes`` whether a
message goes to Redis, into a list, or is run at once.
"""

from __future__ import annotations

import json
import os
import socket
import threading
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import redis
from dramatiq import Consumer, Message, Worker
from dramatiq.brokers.redis import RedisBroker
from dramatiq.common import current_millis, dq_name

from labkit import modes
from labkit.arguments import encode
from labkit.consumer import Delivery, LabConsumer
from labkit.errors import ModeError
from labkit.ledger import keys, records
from labkit.ledger.records import JobState
from labkit.modes import Mode
from labkit.redis_server import connect, redis_errors
from labkit.settings import Settings

_SCRIPTS = ("enqueue", "start", "settle", "purge")
#: Messages enqueued in one round trip by ``enqueue_many``.
SLICE = 1_000


class LabBroker(RedisBroker):
    """A ``RedisBroker`` that records every job; takes every parameter that one takes.

    With no ``url``, ``client`` or other connection parameter it uses ``Settings()``: the Redis is
    then found, or started, when the first command needs it.
    """

    def __init__(
        self,
        *,
        url: str | None = None,
        namespace: str | None = None,
        client: redis.Redis | None = None,
        settings: Settings | None = None,
        **parameters: Any,
    ) -> None:
        broker_options = {
            "middleware",
            "maintenance_chance",
            "heartbeat_timeout",
            "dead_message_ttl",
        }
        #: Whether the address came from ``Settings``, and ``labkit.toml`` speaks for this broker.
        self.is_default = not (url or client or set(parameters) - broker_options)
        self.settings = settings or (Settings() if self.is_default else None)
        if self.is_default and self.settings:
            client = connect(self.settings)
            namespace = namespace or self.settings.namespace
        super().__init__(  # type: ignore[no-untyped-call]
            url=url, namespace=namespace or "dramatiq", client=client, **parameters
        )
        self.keys = keys.Keys(self.namespace)
        self.worker_name = f"{socket.gethostname()}:{os.getpid()}"
        self._lua = {name: self.client.register_script(keys.script(name)) for name in _SCRIPTS}
        self._thread = threading.local()
        bounds = self.settings or Settings.model_construct()
        self._keep_jobs = bounds.keep_jobs
        self._keep_millis = int(bounds.keep_days * 86_400_000)

    def consume(self, queue_name: str, prefetch: int = 1, timeout: int = 5000) -> Consumer:
        """A consumer of one queue; ``timeout`` is its longest idle wait in milliseconds."""
        return LabConsumer(self, queue_name, prefetch, timeout)

    # -- sending ---------------------------------------------------------------------------------

    def enqueue(self, message: Message[Any], *, delay: int | None = None) -> Message[Any]:
        """Enqueue a message; with ``delay`` (milliseconds) not before that time has passed.

        Raises:
          ArgumentNotJSON: an argument that a message cannot carry. Nothing was sent.
          RedisUnavailable, RedisRefused: Redis did not take it.
        """
        return self.enqueue_many([message], delay=delay)[0]

    def enqueue_many(
        self, messages: Sequence[Message[Any]], *, delay: int | None = None
    ) -> list[Message[Any]]:
        """Enqueue messages in slices of a thousand, each in one round trip: all of it or none.

        Raises:
          ArgumentNotJSON: nothing at all was sent.
          RedisUnavailable, RedisRefused: a slice failed; a note on the error says which, and that
            all before it were sent.
        """
        ready = [self._address(message, delay) for message in messages]
        payloads = [encode(message) for message in ready]
        if modes.current() is Mode.INLINE:
            for message, payload in zip(ready, payloads, strict=True):
                self._run_inline(message, payload)
            return ready
        for message in ready:
            self.emit_before("enqueue", message, delay)
        if modes.current() is Mode.FAKE:
            modes.fake_jobs().extend(Message.decode(payload) for payload in payloads)
        elif (held := self._held()) is not None:
            held.extend(zip(ready, payloads, strict=True))
        else:
            self._push(list(zip(ready, payloads, strict=True)))
        for message in ready:
            self.emit_after("enqueue", message, delay)
        return ready

    def _address(self, message: Message[Any], delay: int | None) -> Message[Any]:
        # A delivery is named anew each time, because a job may be delivered more than once.
        options: dict[str, Any] = {
            "redis_message_id": keys.delivery_name(message.message_id, uuid.uuid4().hex[:12])
        }
        if delay is None:
            return message.copy(options=options)
        options["eta"] = current_millis() + delay
        return message.copy(queue_name=dq_name(message.queue_name), options=options)

    def _push(self, sending: list[tuple[Message[Any], bytes]]) -> None:
        for first in range(0, len(sending), SLICE):
            arguments: list[Any] = []
            for message, payload in sending[first : first + SLICE]:
                arguments += _enqueue_arguments(message, payload)
            try:
                with redis_errors(self.client):
                    self._lua["enqueue"](keys=[self.namespace], args=arguments)
            except Exception as error:
                if len(sending) > SLICE:
                    last = min(first + SLICE, len(sending))
                    error.add_note(
                        f"Messages {first} to {last - 1} were refused; those before were sent."
                    )
                raise

    def knows(self, actor_name: str) -> bool | None:
        """Whether a worker that is alive has declared the actor; None when no worker is alive."""
        with redis_errors(self.client), self.client.pipeline(transaction=False) as pipe:
            pipe.hgetall(self.keys.workers)
            since = current_millis() - self.heartbeat_timeout
            pipe.zrangebyscore(f"{self.namespace}:__heartbeats__", since, "+inf")
            workers, alive = pipe.execute()
        actors = [json.loads(card)["actors"] for name, card in workers.items() if name in alive]
        return any(actor_name in names for names in actors) if actors else None

    # -- what a worker does ----------------------------------------------------------------------

    def emit_before(self, signal: str, *args: Any, **kwargs: Any) -> None:
        super().emit_before(signal, *args, **kwargs)
        # After the middleware: one that skips the message raises, and then nothing has started.
        if signal == "process_message" and isinstance(args[0], Delivery) and not args[0].failed:
            self._record_start(args[0])

    def emit_after(self, signal: str, *args: Any, **kwargs: Any) -> None:
        if signal == "worker_boot":
            self._register(args[0])
        elif signal == "worker_shutdown":
            self.client.hdel(self.keys.workers, self.broker_id)
        if signal not in ("process_message", "skip_message") or not isinstance(args[0], Delivery):
            super().emit_after(signal, *args, **kwargs)
            return
        message = args[0]
        message.exception = kwargs.get("exception")
        message.is_skipped = signal == "skip_message"
        message.finished = current_millis()
        with self._hold(message.held):
            super().emit_after(signal, *args, **kwargs)

    def _register(self, worker: Worker) -> None:
        """Say on the ledger which process this is, and what it can run."""
        card = {
            "host": socket.gethostname(),
            "pid": os.getpid(),
            "threads": worker.worker_threads,
            "queues": sorted(worker.consumer_whitelist or self.queues),
            "actors": sorted(self.actors),
            "since": current_millis(),
        }
        with redis_errors(self.client):
            self.client.hset(self.keys.workers, self.broker_id, json.dumps(card))

    def _record_start(self, message: Delivery) -> None:
        message.started = current_millis()
        with redis_errors(self.client):
            self._lua["start"](
                keys=[self.namespace],
                args=[
                    message.options["redis_message_id"],
                    message.message_id,
                    records.describe(
                        message.actor_name, message.queue_name, message.args, message.kwargs
                    ),
                    message.message_timestamp,
                ],
            )

    def settle(self, queue_name: str, message: Delivery) -> bool:
        """Acknowledge a delivery, or make it a dead letter when it failed, in one step.

        What its hooks enqueued (a retry, the next of a pipeline, callbacks) goes out in the same
        step. False when the delivery was no longer this worker's: then nothing was changed.
        """
        arguments: list[Any] = [self.broker_id, queue_name, message.options["redis_message_id"]]
        arguments += [message.message_id, "nack" if message.failed else "ack", message.final_state]
        arguments += [message.describe_attempt(self.worker_name)]
        arguments += [message.as_failed(encode) if message.failed else ""]
        arguments += [self._keep_jobs, current_millis() - self._keep_millis, current_millis()]
        for held, payload in message.held:
            arguments += _enqueue_arguments(held, payload)
        return bool(self._lua["settle"](keys=[self.namespace], args=arguments))

    def do_ack(self, queue_name: str, redis_id: str) -> None:
        """Acknowledge a delivery by its name (stock signature)."""
        self._settle_by_name(queue_name, redis_id, "ack", JobState.COMPLETED)

    def do_nack(self, queue_name: str, redis_id: str) -> None:
        """Make a delivery a dead letter by its name (stock signature)."""
        self._settle_by_name(queue_name, redis_id, "nack", JobState.DEAD)

    def _settle_by_name(self, queue: str, redis_id: str, verdict: str, state: JobState) -> None:
        job_id = redis_id.rpartition("#")[0] or redis_id
        now = current_millis()
        arguments: list[Any] = [self.broker_id, queue, redis_id, job_id, verdict, state, "", ""]
        arguments += [self._keep_jobs, now - self._keep_millis, now]
        self._lua["settle"](keys=[self.namespace], args=arguments)

    def do_purge(self, queue_name: str) -> None:
        """Drop all messages of one queue; their jobs become cancelled."""
        self._lua["purge"](keys=[self.namespace], args=[self.broker_id, queue_name])

    # -- the seam of retries, and of the inline mode -----------------------------------------------

    def _held(self) -> list[tuple[Message[Any], bytes]] | None:
        held: list[tuple[Message[Any], bytes]] | None = getattr(self._thread, "held", None)
        return held

    @contextmanager
    def _hold(self, held: list[tuple[Message[Any], bytes]]) -> Iterator[None]:
        """What this thread enqueues inside the block waits in ``held``."""
        before, self._thread.held = self._held(), held
        try:
            yield
        finally:
            self._thread.held = before

    def _run_inline(self, message: Message[Any], payload: bytes) -> None:
        """Run a message now, in this thread, arguments through JSON first; errors are raised."""
        if (held := self._held()) is not None:
            held.append((message, payload))
            return
        job = Delivery(Message.decode(payload))
        actor = self.get_actor(job.actor_name)
        RedisBroker.emit_before(self, "process_message", job)
        followers: list[tuple[Message[Any], bytes]] = []
        try:
            result = actor(*job.args, **job.kwargs)
        except BaseException as error:
            # The hooks tidy up after themselves; the retry that they ask for is dropped.
            with self._hold(followers):
                RedisBroker.emit_after(self, "process_message", job, exception=error)
            raise
        with self._hold(followers):
            RedisBroker.emit_after(self, "process_message", job, result=result)
        for follower, encoded in followers:
            self._run_inline(follower, encoded)

    def drain(self) -> int:
        """Run this thread's fake jobs, and those that they send, until none is left.

        Returns how many ran. A job that raises leaves the list and its error reaches the caller.
        """
        if modes.current() is not Mode.FAKE:
            raise ModeError("drain() runs the jobs of the fake mode. Use it inside `with fake():`.")
        waiting, ran = modes.fake_jobs(), 0
        while waiting:
            job = waiting.pop(0)
            self.get_actor(job.actor_name)(*job.args, **job.kwargs)
            ran += 1
        return ran


def _enqueue_arguments(message: Message[Any], payload: bytes) -> list[Any]:
    """The seven values that enqueue.lua takes for one message."""
    eta = message.options.get("eta") if message.queue_name.endswith(".DQ") else None
    if eta is None:
        state = JobState.ENQUEUED
    else:
        state = JobState.RETRYING if message.options.get("retries") else JobState.SCHEDULED
    queue = message.queue_name.removesuffix(".DQ")
    return [
        message.queue_name,
        message.options["redis_message_id"],
        payload,
        message.message_id,
        records.describe(message.actor_name, queue, message.args, message.kwargs),
        state,
        "-" if eta is None else int(eta),
    ]
