"""WholeLines: what a worker's threads write at once comes out line by line.

To Dramatiq's workers ``sys.stdout`` is a pipe to the main process, and what one ``write`` is given
goes through as one piece. ``print`` writes a text and its end in two, so a log line of another
thread can get between them; and pieces beyond a few KB, written by two threads at once, would tear
the pipe's own frames. Here a line is one piece, and one lock is held while it is written.
"""

from __future__ import annotations

import io
import logging
import sys
import threading
from typing import Any, TextIO

from dramatiq import Broker, Middleware, Worker
from dramatiq.broker import MessageProxy


class LineStream(io.TextIOBase):
    """A text stream of which each thread writes whole lines.

    Parameters:
      target: gets them, each with its end in it, and what ``flush`` finds without one.
      lock: held while ``target`` is written.
    """

    def __init__(self, target: TextIO, lock: threading.RLock) -> None:
        self._target = target
        self._lock = lock
        self._begun: dict[int, str] = {}

    def write(self, text: str) -> int:
        """Pass on the lines that ``text`` ends, and keep the rest for this thread's next one."""
        thread = threading.get_ident()
        lines, end, rest = (self._begun.pop(thread, "") + text).rpartition("\n")
        if rest:
            self._begun[thread] = rest
        if end:
            self._pass_on(lines + end)
        return len(text)

    def flush(self) -> None:
        """Pass on what this thread has begun, as a progress without line ends would want."""
        if begun := self._begun.pop(threading.get_ident(), ""):
            self._pass_on(begun)

    def flush_all(self) -> None:
        """Pass on what any thread has begun."""
        for thread in list(self._begun):
            if begun := self._begun.pop(thread, ""):
                self._pass_on(begun)

    @property
    def encoding(self) -> str:  # type: ignore[override]
        """The target's; libraries ask for it before they draw."""
        return self._target.encoding

    def fileno(self) -> int:
        """The target's."""
        return self._target.fileno()

    def isatty(self) -> bool:
        """Whether the target is a terminal."""
        return self._target.isatty()

    def writable(self) -> bool:
        """It is."""
        return True

    def _pass_on(self, text: str) -> None:
        with self._lock:
            self._target.write(text)
            self._target.flush()


class WholeLines(Middleware):
    """Puts a ``LineStream`` before a worker process's output, errors and log."""

    def after_process_boot(self, broker: Broker) -> None:
        """From now on; the handlers that the log has already get one, too."""
        lock = threading.RLock()
        handlers = logging.getLogger().handlers
        for name in ("stdout", "stderr"):
            target = getattr(sys, name)
            stream = LineStream(target, lock)
            setattr(sys, name, stream)
            for handler in handlers:
                if isinstance(handler, logging.StreamHandler) and handler.stream is target:
                    handler.setStream(stream)

    def after_process_message(
        self, broker: Broker, message: MessageProxy, *, result: Any = None, exception: Any = None
    ) -> None:
        """A job that has ended leaves no line half written."""
        sys.stdout.flush()

    def after_worker_shutdown(self, broker: Broker, worker: Worker) -> None:
        """Nor does a worker that ends: behind this, Dramatiq closes the pipe."""
        for stream in (sys.stdout, sys.stderr):
            if isinstance(stream, LineStream):
                stream.flush_all()
