"""Delivery: a message in a worker's hands, with what the ledger wants to know about its run."""

from __future__ import annotations

import time
import traceback
from typing import Any

from dramatiq import Message, MessageProxy

from labkit.codec import encode
from labkit.ledger import records
from labkit.ledger.records import JobState


class Delivery(MessageProxy):
    """One delivery of a message, from its fetch to its ack.

    Parameters:
      message: As it was fetched. One that was promoted still says when it was due and that its
        queue is the delayed one; a delivery does not.
      was_lost: It was taken back from a worker that died with it.
    """

    def __init__(self, message: Message[Any], *, was_lost: bool = False) -> None:
        if message.queue_name.endswith(".DQ"):
            options = {key: value for key, value in message.options.items() if key != "eta"}
            message = Message(
                queue_name=message.queue_name.removesuffix(".DQ"),
                actor_name=message.actor_name,
                args=message.args,
                kwargs=message.kwargs,
                options=options,
                message_id=message.message_id,
                message_timestamp=message.message_timestamp,
            )
        super().__init__(message)
        self.was_lost = was_lost
        self.name: str = message.options["redis_message_id"]
        self.is_skipped = False
        self.is_settled = False
        self.exception: BaseException | None = None
        self._error = ""
        self._traceback = ""
        self._started: float | None = None
        #: What the hooks enqueued behind the body, with its payload: goes out with the ack.
        self.held: list[tuple[Message[Any], bytes, int | str]] = []

    def start(self) -> None:
        """Its body begins now."""
        self._started = time.monotonic()

    def finish(self, error: BaseException | None) -> None:
        """Its body has ended, with this error or well."""
        self._keep(error)

    def stuff_exception(self, exception: BaseException) -> None:
        """Remember what went wrong, in words: the exception itself is let go with its frames."""
        super().stuff_exception(exception)
        self._keep(exception)

    def _keep(self, error: BaseException | None) -> None:
        if error is not None and not self._error:
            try:
                said = str(error)
            except Exception:
                said = "its text cannot be made"
            self._error = f"{type(error).__name__}: {said}"
            self._traceback = "".join(traceback.format_exception(error))

    def millis_since_start(self) -> str:
        """Milliseconds since its body began; ``-`` when it did not."""
        if self._started is None:
            return "-"
        return str(max(0, round((time.monotonic() - self._started) * 1000)))

    @property
    def final_state(self) -> JobState:
        """The job's state once this delivery is settled (unless a retry follows it)."""
        if self.failed:
            return JobState.DEAD
        return JobState.CANCELLED if self.is_skipped else JobState.COMPLETED

    def describe_attempt(self, worker: str) -> str:
        """The end of its attempt's line in the record; empty unless it failed."""
        if not self._error:
            return ""
        return records.describe_attempt(worker, self._error, self._traceback)

    def describe_job(self) -> str:
        """The record's line of what was sent."""
        message = self._message
        return records.describe(
            message.actor_name, message.queue_name, message.args, message.kwargs
        )

    @property
    def is_unknown(self) -> bool:
        """Whether it has no record yet: a stock producer sent it, and its body never began."""
        return "#" not in self.name and self._started is None

    def describe_as_foreign(self) -> list[Any]:
        """What adopt.lua takes, to give it one."""
        sent, state = self.describe_job(), JobState.ENQUEUED.value
        return [self.name, self.message_id, sent, int(self.message_timestamp), state, "-", ""]

    def as_dead_letter(self) -> bytes | str:
        """The payload of the dead letter, as it failed; empty for: as it was fetched."""
        options = {"traceback": self._traceback} if self._traceback else {}
        try:
            return encode(self._message.copy(options=options))[0]
        except Exception:
            return ""
