"""EndWithTerminal: a worker that was started in a terminal ends with it.

A terminal that closes sends SIGHUP, and to Dramatiq that means to start afresh: without this, its
worker would go on where nobody sees it, and keep the private Redis with it. One that writes to a
file or a pipe (``nohup``, a service) is left alone, and so is SIGHUP where the terminal stays.
"""

from __future__ import annotations

import errno
import os
import signal
import threading
import time
from functools import partial
from multiprocessing.util import Finalize
from typing import Any

from dramatiq import Broker, Middleware

#: Seconds between two looks at the terminal.
INTERVAL = 1.0
#: Seconds that it gets for the jobs in its hands; what still runs then goes back to its queue.
LIMIT = 30.0


class EndWithTerminal(Middleware):
    """Ends a worker process whose terminal has gone, or whose main process."""

    def after_process_boot(self, broker: Broker) -> None:
        """Look from now on, once a second."""
        self._main = os.getppid()
        self._has_terminal = _refusal() in (0, errno.EIO, errno.ENXIO)
        self._is_told = self._is_over = False
        for number in (signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, partial(self._hear, signal.getsignal(number)))
        threading.Thread(target=self._watch, name="labkit-hangup", daemon=True).start()
        Finalize(self, self._tell_main, exitpriority=0)

    def _hear(self, handler: Any, number: int, frame: Any) -> None:
        """With a terminal's end several come, and to Dramatiq a second one means "at once"."""
        if not self._is_told or self._is_over or not self._is_left():
            self._is_told = True
            handler(number, frame)

    def _watch(self) -> None:
        while not self._is_left():
            time.sleep(INTERVAL)
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(LIMIT)
        self._is_over = True
        os.kill(os.getpid(), signal.SIGTERM)

    def _tell_main(self) -> None:
        """Let the main process end, too, which SIGHUP would have start afresh."""
        if self._is_left() and os.getppid() == self._main:
            os.kill(self._main, signal.SIGTERM)

    def _is_left(self) -> bool:
        return os.getppid() != self._main or (self._has_terminal and _refusal() != 0)


def _refusal() -> int:
    """0 where stderr is the terminal that controls this process, else why it is not."""
    try:
        os.tcgetpgrp(2)
    except OSError as error:
        return error.errno or errno.EIO
    return 0
