"""The ``actor`` decorator: a Dramatiq actor that can also be sent at a time, and in bulk.

    @actor
    def task_logger(task_id: int) -> None: ...

    task_logger(7)                                  # call it: an ordinary function
    task_logger.send(7)                             # enqueue it
    task_logger.send_in(timedelta(minutes=1), 7)    # … not before a minute has passed
    task_logger.send_at(tonight, 7)                 # … not before an aware datetime
    task_logger.send_many([(1,), (2,), (3,)])       # … many, in one round trip per thousand

Declaring an actor again, as re-running a cell does, replaces the one of that name.
"""

from __future__ import annotations

import math
import os
import warnings
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, ParamSpec, TypeVar, cast, overload

import dramatiq
from dramatiq import Broker, Message

from labkit import modes
from labkit.broker import LabBroker
from labkit.errors import InvalidSchedule, ModeError, UnknownQueue
from labkit.hangup import EndWithTerminal
from labkit.modes import Mode
from labkit.whole_lines import WholeLines

P = ParamSpec("P")
R = TypeVar("R")


class UnknownActorWarning(UserWarning):
    """A job was sent to an actor that no worker process has declared."""


class LabActor(dramatiq.Actor[P, R]):
    """A Dramatiq actor with ``send_in``, ``send_at``, ``send_many`` and ``jobs``."""

    def __init__(
        self, fn: Callable[P, R], *, broker: Broker, actor_name: str, **options: Any
    ) -> None:
        previous = broker.actors.pop(actor_name, None)
        try:
            super().__init__(fn, broker=broker, actor_name=actor_name, **options)
        except BaseException:
            if previous is not None:
                broker.actors[actor_name] = previous
            raise

    def send_with_options(
        self,
        *,
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
        delay: timedelta | int | None = None,
        **options: Any,
    ) -> Message[R]:
        """Dramatiq's own; ``delay`` is a timedelta or milliseconds.

        Raises:
          UnknownQueue: ``labkit.toml`` lists the queues, and this actor's is not among them.
          ArgumentNotJSON, RedisUnavailable, RedisRefused: nothing was enqueued.
        """
        self._check_queue()
        message = super().send_with_options(args=args, kwargs=kwargs, delay=delay, **options)
        self._warn_if_unknown()
        return message

    def send_in(self, delay: timedelta, *args: P.args, **kwargs: P.kwargs) -> Message[R]:
        """Enqueue for ``delay`` from now; one that is past or zero runs now.

        Raises:
          InvalidSchedule: ``delay`` is no timedelta.
        """
        if not isinstance(delay, timedelta):
            raise InvalidSchedule(
                f"send_in takes a timedelta, not {delay!r}. Say timedelta(seconds=…), or minutes=…."
            )
        return self._send_after(delay, args, kwargs)

    def send_at(self, when: datetime, *args: P.args, **kwargs: P.kwargs) -> Message[R]:
        """Enqueue for the instant ``when``; one that is past runs now.

        Raises:
          InvalidSchedule: ``when`` is no datetime, or has no time zone and so names no instant.
        """
        if not isinstance(when, datetime):
            raise InvalidSchedule(f"send_at takes an aware datetime, not {when!r}.")
        if when.utcoffset() is None:
            raise InvalidSchedule(
                f"{when!r} has no time zone, so it names a different instant on each machine. Say "
                "datetime.now().astimezone() for local time, or datetime(…, tzinfo=UTC)."
            )
        now = datetime.now(UTC)
        # The broker adds the delay to a clock that is cut to milliseconds.
        cut = timedelta(microseconds=now.microsecond % 1000)
        return self._send_after(when - now + cut if when > now else timedelta(0), args, kwargs)

    def _send_after(self, delay: timedelta, args: Any, kwargs: Any) -> Message[R]:
        millis = math.ceil(delay / timedelta(milliseconds=1))  # never early
        return self.send_with_options(args=args, kwargs=kwargs, delay=max(millis, 0) or None)

    def send_many(self, calls: Iterable[tuple[Any, ...]]) -> list[Message[R]]:
        """Enqueue one job for each tuple of arguments, in one round trip per thousand.

        Each thousand is enqueued whole or not at all; when one is refused, a note on the error says
        which, and that those before it were sent.
        """
        self._check_queue()
        given = [_as_arguments(call) for call in calls]
        messages: list[Message[R]] = [
            Message(self.queue_name, self.actor_name, args, {}, {}, job_id)
            for args, job_id in zip(given, _unique_ids(len(given)), strict=True)
        ]
        if not isinstance(self.broker, LabBroker):
            return [self.broker.enqueue(message) for message in messages]
        sent = self.broker.enqueue_many(messages)
        self._warn_if_unknown()
        return sent

    @property
    def jobs(self) -> list[Message[R]]:
        """This actor's jobs in the fake mode, oldest first.

        Raises:
          ModeError: outside the fake mode, where jobs are in Redis.
        """
        if modes.current() is not Mode.FAKE:
            raise ModeError(
                f"{self.actor_name}.jobs lists the jobs of the fake mode, and this is the "
                f"{modes.current().value} mode. Use it inside `with fake():`; for the jobs in "
                "Redis ask Ledger().jobs('enqueued')."
            )
        return [job for job in modes.fake_jobs() if job.actor_name == self.actor_name]

    def _check_queue(self) -> None:
        if not isinstance(self.broker, LabBroker) or self.broker.settings is None:
            return
        queues = self.broker.settings.queues
        if queues and self.queue_name not in queues:
            raise UnknownQueue(
                f"{self.actor_name} uses the queue {self.queue_name!r}, and labkit.toml lists only "
                f"{', '.join(queues)}, so no worker would look at it. Add it to `queues` there."
            )

    def _warn_if_unknown(self) -> None:
        # Only an actor declared in a cell or a script can be missing from the workers' modules.
        if self.fn.__module__ != "__main__" or modes.current() is not Mode.DISABLED:
            return
        if isinstance(self.broker, LabBroker) and self.broker.knows(self.actor_name) is False:
            warnings.warn(
                f"No worker that runs now knows {self.actor_name!r}: it was declared in this cell, "
                "and a worker is another process. Put it into work/app/jobs/ and restart the "
                "worker, or run it here inside `with inline():`.",
                UnknownActorWarning,
                stacklevel=4,
            )


def _as_arguments(call: Any) -> tuple[Any, ...]:
    if not isinstance(call, tuple | list):
        raise TypeError(
            f"send_many takes one tuple of arguments a job, such as (7,), and got {call!r}."
        )
    return tuple(call)


def _unique_ids(count: int) -> Iterator[str]:
    """Random UUIDs as text, as Dramatiq's own are, at a third of their price."""
    digits = os.urandom(16 * count).hex()
    for start in range(0, 32 * count, 32):
        d = digits[start : start + 32]
        variant = "89ab"[int(d[16], 16) & 3]
        yield f"{d[:8]}-{d[8:12]}-4{d[13:16]}-{variant}{d[17:20]}-{d[20:]}"


def default_broker() -> Broker:
    """Dramatiq's global broker; a ``LabBroker`` of ``Settings()`` when none has been set."""
    if dramatiq.broker.global_broker is None:
        broker = LabBroker()
        broker.add_middleware(EndWithTerminal())
        broker.add_middleware(WholeLines())
        if broker.settings and broker.settings.metrics:
            from dramatiq.middleware.prometheus import Prometheus  # it makes a folder

            broker.add_middleware(Prometheus())
        dramatiq.set_broker(broker)
    return dramatiq.get_broker()


@overload
def actor(fn: Callable[P, R]) -> LabActor[P, R]: ...
@overload
def actor(
    *,
    queue_name: str = ...,
    priority: int = ...,
    actor_name: str | None = ...,
    broker: Broker | None = ...,
    **options: Any,
) -> Callable[[Callable[P, R]], LabActor[P, R]]: ...
def actor(fn: Callable[..., Any] | None = None, **options: Any) -> Any:
    """Declare an actor: ``dramatiq.actor`` with ``LabActor``, on ``default_broker()``.

    Takes what ``dramatiq.actor`` takes. Declaring a name again replaces the earlier actor.
    """
    options["broker"] = options.get("broker") or default_broker()
    options.setdefault("actor_class", LabActor)
    decorate = cast(Callable[..., Any], dramatiq.actor(**options))
    return decorate if fn is None else decorate(fn)
