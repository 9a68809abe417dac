"""LabBroker: Dramatiq's Redis broker with a ledger beside every step.

Every step of a job is one Lua script over Dramatiq's own keys, with the job's record inside, so a
kill at any instant leaves the two equal. Stock workers and producers can share the Redis.
``sending`` holds the way in, with the one seam of the testing modes; here is what a worker does.
"""

from __future__ import annotations

import logging
import os
import socket
import threading
from collections.abc import Iterator
from typing import Any

import redis
from dramatiq import Consumer, Worker
from dramatiq.brokers.redis import RedisBroker
from dramatiq.middleware import Retries

from labkit.consumer import LabConsumer
from labkit.delivery import Delivery
from labkit.heartbeat import Heartbeat
from labkit.hub import NAMESPACE
from labkit.ledger import keys, records
from labkit.ledger.reconcile import describe_foreign
from labkit.ledger.records import JobState
from labkit.log_mask import LOGGER, LogMask
from labkit.promoter import Promoter
from labkit.redis_client import client_of, redis_errors, sibling
from labkit.redis_sentinel import SCHEMES
from labkit.redis_server import connect
from labkit.sending import Sending, enqueue_values
from labkit.settings import Settings
from labkit.settler import Settler
from labkit.waiter import Waiter

#: A worker that closes waits this long, in seconds, until its last acks are written.
CLOSE_TIMEOUT = 5.0


class LabBroker(Sending, RedisBroker):
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
        options = {"middleware", "maintenance_chance", "heartbeat_timeout", "dead_message_ttl"}
        #: Whether the address came from ``Settings``, and ``labkit.toml`` speaks for this broker.
        self.is_default = not (url or client or set(parameters) - options)
        self.settings = settings or (Settings() if self.is_default else None)
        if self.is_default and self.settings:
            client = connect(self.settings)
            namespace = namespace or self.settings.namespace
        if url and url.startswith(SCHEMES):  # stock's own pool knows of no sentinels
            client, url = client_of(url), None
        super().__init__(  # type: ignore[no-untyped-call]
            url=url, namespace=namespace or NAMESPACE, client=client, **parameters
        )
        self.keys = keys.Keys(self.namespace)
        self.worker_name = f"{socket.gethostname()}:{os.getpid()}"
        self._lua = {name: self.client.register_script(keys.script(name)) for name in keys.SCRIPTS}
        self._thread = threading.local()
        # They are for the Redis of ``Settings`` alone; 0 is no bound.
        self.max_waiting = self.settings.max_waiting if self.settings else 0
        self.max_megabytes = self.settings.max_megabytes if self.settings else 0
        bounds = self.settings or Settings.model_construct()
        self.keep_jobs = bounds.keep_jobs
        self.keep_millis = int(bounds.keep_days * 86_400_000)
        self.wait_replicas = bounds.wait_replicas
        #: What this process has fetched and not yet settled, by the delivery's name.
        self.in_hand: dict[str, Delivery] = {}
        #: Whether somebody wants this worker to take no more jobs; the heartbeat keeps it true.
        self.is_quiet = False
        self._settler: Settler | None = None
        self._heartbeat: Heartbeat | None = None
        self._log_mask = LogMask(self)

    def call(self, script: str, *arguments: Any, client: redis.Redis | None = None) -> Any:
        """Run one of the ledger's scripts."""
        lua, client = self._lua[script], client or self.client
        try:  # redis-py's Script does the same, and costs a send a twelfth of its time
            return client.execute_command("EVALSHA", lua.sha, 1, self.namespace, *arguments)
        except redis.exceptions.NoScriptError:
            return lua(keys=[self.namespace], args=arguments, client=client)

    # -- consuming -------------------------------------------------------------------------------

    def consume(self, queue_name: str, prefetch: int = 1, timeout: int = 5000) -> Consumer:
        """A consumer of one queue; ``timeout`` is its longest idle wait in milliseconds."""
        if queue_name.endswith(".DQ"):
            return Promoter(self, queue_name, timeout)
        return LabConsumer(self, queue_name, prefetch, timeout)

    def fetch(self, queue_name: str, most: int) -> Iterator[tuple[str, bytes | None, bool]]:
        """Take up to ``most`` deliveries: name, payload, and whether a dead worker had it."""
        reply = self.call("fetch", self.broker_id, queue_name, most)
        if reply == [b"quiet"]:
            self.is_quiet = True
            return
        for raw, payload, was_lost in zip(reply[::3], reply[1::3], reply[2::3], strict=True):
            try:
                name = raw.decode()
            except UnicodeDecodeError:
                self.bury(queue_name, raw, payload or b"", "not a delivery: its name is no text")
            else:
                yield name, payload, bool(was_lost)

    def reclaim(self, queue_name: str) -> None:
        """Send back what Redis says this worker holds and it does not know of."""
        self.call("reclaim", self.broker_id, queue_name, *self.in_hand)

    def has_other_workers(self, queue_name: str) -> bool:
        """Whether another labkit worker of the queue is registered."""
        return any(
            queue_name in card["queues"]
            for worker, card in self._cards(self.client.hgetall(self.keys.workers)).items()
            if worker != self.broker_id
        )

    def new_waiter(self, queue_name: str) -> Waiter:
        """Who waits for a queue to have something, on a connection outside the pool."""
        # Redis may hold it for half of what the network may take; redis-py 8's own default, where
        # the application has set none.
        timeout = self.client.connection_pool.connection_kwargs.get("socket_timeout", 5.0)
        client = sibling(self.client, name=None, size=1)
        return Waiter(client, f"{self.namespace}:{queue_name}", int((timeout or 10.0) * 500))

    # -- running ---------------------------------------------------------------------------------

    def emit_before(self, signal: str, *args: Any, **kwargs: Any) -> None:
        """Dramatiq's; a delivery's start is recorded behind the middleware, which may skip it."""
        super().emit_before(signal, *args, **kwargs)
        if signal == "worker_boot":  # before its consumers fetch: who holds jobs is known by name
            self._begin_work(args[0])
        if signal == "process_message" and isinstance(args[0], Delivery) and not args[0].failed:
            self._start(args[0])

    def emit_after(self, signal: str, *args: Any, **kwargs: Any) -> None:
        """Dramatiq's; what the hooks of a delivery enqueue waits for its ack."""
        if signal not in ("process_message", "skip_message") or not isinstance(args[0], Delivery):
            super().emit_after(signal, *args, **kwargs)
        else:
            delivery = args[0]
            delivery.finish(kwargs.get("exception"))
            delivery.is_skipped = signal == "skip_message"
            with self.hold(delivery.held):
                super().emit_after(signal, *args, **kwargs)
            if kwargs.get("exception") is not None and self._is_forgotten(delivery):
                delivery.fail()
        if signal == "worker_shutdown":
            self._end_work()

    def _is_forgotten(self, delivery: Delivery) -> bool:
        """Whether a job that failed would be acknowledged, because Retries itself has failed."""
        if delivery.failed or not any(isinstance(each, Retries) for each in self.middleware):
            return False
        return all(message.message_id != delivery.message_id for message, _, _ in delivery.held)

    def _start(self, delivery: Delivery) -> None:
        if delivery.was_lost:
            self._restart(delivery)
        delivery.start()
        if self._settler is not None:
            self._settler.started(delivery)
        else:
            self._write_starts([delivery])

    def _restart(self, delivery: Delivery) -> None:
        """Count this start before the body runs; a job that kills its workers dies of its limit."""
        with redis_errors(self.client):
            starts = self.call("restart", delivery.name)
        allowed = self._allowed_attempts(delivery)
        if allowed is not None and starts > allowed:
            delivery.fail()
            delivery.stuff_exception(
                RuntimeError(f"its worker died in {starts - 1} of {allowed} allowed attempts")
            )

    def _allowed_attempts(self, delivery: Delivery) -> int | None:
        actor = self.actors.get(delivery.actor_name)
        for middleware in self.middleware:
            if isinstance(middleware, Retries) and actor is not None:
                most = actor.options.get("max_retries", middleware.max_retries)
                most = delivery.options.get("max_retries", most)
                if most is None:
                    return None
                return max(1, int(most) + 1 - int(delivery.options.get("retries", 0)))
        return 1

    def _begin_work(self, worker: Worker) -> None:
        self._settler = Settler(self._write_starts, self._write_ends)
        logging.getLogger(LOGGER).addFilter(self._log_mask)
        self._heartbeat = Heartbeat(self, worker)
        self._heartbeat.start()

    def _end_work(self) -> None:
        if self._settler is not None:
            self._settler.close(CLOSE_TIMEOUT)
            self._settler = None
        if self._heartbeat is not None:
            self._heartbeat.stop()
            self._heartbeat = None
        logging.getLogger(LOGGER).removeFilter(self._log_mask)

    # -- settling --------------------------------------------------------------------------------

    def do_ack(self, queue_name: str, redis_id: str) -> None:
        """Acknowledge a delivery (stock signature)."""
        self._settle(queue_name, redis_id)

    def do_nack(self, queue_name: str, redis_id: str) -> None:
        """Make a delivery a dead letter (stock signature)."""
        self._settle(queue_name, redis_id, is_dead=True)

    def _settle(self, queue_name: str, name: str, *, is_dead: bool = False) -> None:
        delivery = self.in_hand.get(name)
        if delivery is None:
            self.settle_by_name(queue_name, name, is_dead=is_dead)
        elif self._settler is None:
            self._write_ends([(queue_name, delivery)])
        elif not delivery.is_settled:
            delivery.is_settled = True
            self._settler.ended(queue_name, delivery)

    def bury(self, queue_name: str, name: bytes, payload: bytes, error: str) -> None:
        """Make what is no message a dead letter, with a record that says why."""
        unreadable = describe_foreign(queue_name, name, payload, JobState.ENQUEUED)
        self.call("adopt", queue_name, "", *unreadable)
        self.settle_by_name(queue_name, name, is_dead=True, error=error)

    def settle_by_name(
        self, queue_name: str, name: str | bytes, *, is_dead: bool, error: str = ""
    ) -> None:
        """Settle a delivery of which this process knows nothing but the name."""
        verdict, state = ("nack", JobState.DEAD) if is_dead else ("ack", JobState.COMPLETED)
        attempt = records.describe_attempt(self.worker_name, error, "") if error else ""
        name = name.encode() if isinstance(name, str) else name
        job_id = name.rpartition(b"#")[0] or name
        values = [queue_name, name, job_id, verdict, state, attempt, "-", "", 0]
        bounds = [self.keep_jobs, self.keep_millis]
        self.call("settle", self.broker_id, self.worker_name, *bounds, *values)

    def flush_settled(self) -> None:
        """Wait, within bounds, until all that was settled is written."""
        if self._settler is not None:
            self._settler.flush(CLOSE_TIMEOUT)

    def _write_starts(self, deliveries: list[Delivery]) -> None:
        values: list[Any] = [self.worker_name]
        for delivery in deliveries:
            values += [delivery.name, delivery.message_id, delivery.describe_job()]
            values += [int(delivery.message_timestamp), delivery.millis_since_start()]
        self.call("start", *values)

    def _write_ends(self, ends: list[tuple[str, Delivery]]) -> None:
        values: list[Any] = [self.broker_id, self.worker_name, self.keep_jobs, self.keep_millis]
        for queue_name, delivery in ends:
            if delivery.failed and delivery.is_unknown:
                self.call("adopt", queue_name, "", *delivery.describe_as_foreign())
            values += [queue_name, delivery.name, delivery.message_id]
            values += ["nack" if delivery.failed else "ack", delivery.final_state]
            values += [delivery.describe_attempt(self.worker_name), delivery.millis_since_start()]
            held = enqueue_values(delivery.held)
            values += [delivery.as_dead_letter() if delivery.failed else "", len(held), *held]
        self.call("settle", *values)
        for _, delivery in ends:
            self.in_hand.pop(delivery.name, None)

    # -- the rest of the stock interface -----------------------------------------------------------

    def do_purge(self, queue_name: str) -> None:
        """Drop all messages of one queue; their jobs become cancelled."""
        self.call("purge", self.broker_id, queue_name)

    def do_qsize(self, queue_name: str) -> int:
        """Stock's number for a queue and its delayed one, with what waits in the due set."""
        size = int(super().__getattr__("do_qsize")(queue_name))  # type: ignore[no-untyped-call]
        return size + int(self.client.zcard(self.keys.due(queue_name.removesuffix(".DQ"))))
