"""Heartbeat: a worker's sign of life, and its look at the others.

Once a second a worker process says on Redis that it lives, over a connection that carries its name;
the answer says whether it is to be quiet.
Another labkit worker is dead when no sign came for three seconds *and* its connection is gone from
``CLIENT LIST`` at two looks: a process that was killed loses it within milliseconds, one that is
stopped, or whose GIL is held, keeps it, and one that lost Redis for a moment has it again. Where
``CLIENT LIST`` may not be asked, where the network was cut, and for stock workers, Dramatiq's
heartbeat timeout decides. Whoever sees a death takes back what the dead worker held. When Redis was
away, or another has taken its place, nobody is looked at before all had the time to come back.
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
import threading
import time
from typing import TYPE_CHECKING, Any

import redis
import redis.exceptions
from dramatiq import Worker, get_logger
from dramatiq.common import current_millis, iter_queue
from dramatiq.errors import ConnectionClosed

from labkit.ledger.reconcile import Reconciler
from labkit.redis_client import sibling

if TYPE_CHECKING:
    from labkit.broker import LabBroker

INTERVAL_SECONDS = 1.0
#: Silence after which a worker is looked at more closely, and after which it may be dead; in ms.
SUSPECT_MILLIS = 2_000
DEAD_MILLIS = 3_000
#: Seconds for which nobody counts as dead behind a beat that failed.
GRACE_SECONDS = 3.0


class Heartbeat:
    """The heartbeat of one worker process; ``start`` registers it, ``stop`` takes it off."""

    def __init__(self, broker: LabBroker, worker: Worker) -> None:
        self.logger = get_logger(__name__, type(self))
        self.broker = broker
        self.worker = worker
        self._since = current_millis()
        self._gone: set[str] = set()
        self._looks_from = 0.0
        self._stopping = threading.Event()
        self._reconciler = Reconciler(
            broker.client, broker.namespace, broker.call, lambda: broker.queues
        )
        self._thread = threading.Thread(target=self._run, name="labkit-heartbeat", daemon=True)
        self._client = sibling(broker.client, name=connection_name(broker.broker_id), size=1)

    def start(self) -> None:
        """Say what this worker is, and begin to beat; a Redis that is away is told later."""
        self._beat_once()
        self._thread.start()

    def stop(self) -> None:
        """Beat no more; the worker is taken off the list."""
        self._stopping.set()
        self._thread.join(5)
        try:
            self._client.hdel(self.broker.keys.workers, self.broker.broker_id)
            self._client.srem(self.broker.keys.quiet, self.broker.broker_id)
            if not self.broker.in_hand:  # else it stays, for what it holds is to be taken back
                beats = f"{self.broker.namespace}:__heartbeats__"
                self._client.zrem(beats, self.broker.broker_id)
        except redis.RedisError:
            self.logger.debug("Redis is away; the worker's card stays until it is taken back.")
        self._client.close()

    def card(self) -> dict[str, Any]:
        """What this worker is: for the list of workers, and for whoever takes back its jobs."""
        return {
            "host": socket.gethostname(),
            "pid": os.getpid(),
            "threads": self.worker.worker_threads,
            "queues": sorted(self.worker.consumer_whitelist or self.broker.queues),
            "paused": sorted(
                q for q, thread in list(self.worker.consumers.items()) if thread.paused
            ),
            "actors": sorted(self.broker.actors),
            "since": self._since,
        }

    def _run(self) -> None:
        while not self._stopping.wait(INTERVAL_SECONDS):
            self._beat_once()

    def _beat_once(self) -> None:
        try:
            self._beat()
            if self._reconciler.is_needed():
                self._reconciler.run()
        except redis.RedisError as error:
            self._gone.clear()
            self._looks_from = time.monotonic() + GRACE_SECONDS
            self.logger.debug("No heartbeat: %s", error)
        except Exception:  # whatever somebody wrote there: a silent worker would count as dead
            self.logger.exception("Something of this beat failed; the next one comes.")

    def _beat(self) -> None:
        timeout = self.broker.heartbeat_timeout
        # The card goes along each time: queues and actors may be declared late, and cards cleared.
        values = [self.broker.broker_id, SUSPECT_MILLIS, timeout, json.dumps(self.card())]
        reply = self.broker.call("beat", *values, client=self._client)
        self._be_quiet(bool(reply[0]))
        if time.monotonic() < self._looks_from:
            return
        suspects = list(zip(reply[1::3], reply[2::3], reply[3::3], strict=True))
        connected = self._connected() if suspects else None
        gone: set[str] = set()
        for name, card, is_timed_out in suspects:
            worker = name.decode(errors="replace")
            is_cut = card and connected is not None and connection_name(worker) not in connected
            if is_cut or is_timed_out:
                gone.add(worker)
            # The second look is for a clock that has jumped, too: whoever lives has beaten since.
            if worker in gone & self._gone:
                self._recover(worker, card, DEAD_MILLIS if is_cut else timeout)
        self._gone = gone

    def _be_quiet(self, is_quiet: bool) -> None:
        """Once it is, nothing that this worker has fetched begins; what runs goes on to its end."""
        self.broker.is_quiet = is_quiet
        for item in iter_queue(self.worker.work_queue) if is_quiet else ():
            try:
                self.worker.consumers[item.message.queue_name].requeue_messages([item.message])
            except ConnectionClosed:
                self.worker.work_queue.put(item)  # the next beat tries again
                return
            finally:
                self.worker.work_queue.task_done()

    def _recover(self, worker: str, card: bytes, silence: int) -> None:
        named: set[str] = set()
        with contextlib.suppress(ValueError, KeyError, TypeError):  # stock workers have no card
            named = set(json.loads(card)["queues"])
        queues = sorted(named | self.broker.queues)
        queues += [f"{queue}.DQ" for queue in queues]
        taken = self.broker.call("recover", worker, silence, *queues, client=self._client)
        if taken > 0:
            self.logger.warning("Worker %s died; %d of its jobs are back.", worker, taken)

    def _connected(self) -> set[str] | None:
        """The names of all connections; None when the user may not ask for them."""
        try:
            clients: Any = self._client.client_list()
        except redis.exceptions.ResponseError:
            return None
        return {client.get("name", "") for client in clients}


def connection_name(worker: str) -> str:
    """The name of the connection that shows that a worker lives."""
    return f"labkit-worker-{worker}"
