"""LogMask: what Dramatiq writes of a job into a worker's log, without the secrets in it.

Dramatiq names a message with all that was sent, and prints the traceback of one that fails.
"""

from __future__ import annotations

import logging
from inspect import signature
from typing import TYPE_CHECKING, Any

from dramatiq import Message
from dramatiq.broker import MessageProxy

from labkit.redact import call_text, mask, secrets_of

if TYPE_CHECKING:
    from dramatiq import Broker

#: Where Dramatiq's worker threads write.
LOGGER = "dramatiq.worker.WorkerThread"
#: Characters of the arguments: all that anybody would read.
_WIDTH = 2_000


class LogMask(logging.Filter):
    """Put on a logger, lets every record pass with what it says of messages masked.

    Parameters:
      broker: knows the names of its actors' arguments.
    """

    def __init__(self, broker: Broker) -> None:
        super().__init__("")
        self._broker = broker

    def filter(self, record: logging.LogRecord) -> bool:
        """Mask the record in place."""
        if not isinstance(record.args, tuple):
            return True
        hidden: list[str] = []
        shown = [self._show(value, hidden) for value in record.args]
        if hidden or shown != list(record.args):
            record.args = tuple(shown)
            if record.exc_info:
                traceback = logging.Formatter().formatException(record.exc_info)
                record.exc_text = mask(traceback, hidden)
        return True

    def _show(self, value: Any, hidden: list[str]) -> Any:
        if not isinstance(value, Message | MessageProxy):
            return value
        actor = self._broker.actors.get(value.actor_name)
        names = list(signature(actor.fn).parameters) if actor else []
        hidden += secrets_of(value.args, value.kwargs, names)
        return f"{value.actor_name}({call_text(value.args, value.kwargs, _WIDTH, names)})"
