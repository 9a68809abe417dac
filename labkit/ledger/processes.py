"""The processes of the labkit workers on this machine: their memory, and their end.

A worker's card names its host and its process. It is believed only where that process is older than
the card, for the system gives numbers again. psutil comes with the extra ``lab``.
"""

from __future__ import annotations

import os
import signal
import socket
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import psutil

from labkit.errors import WorkerError

if TYPE_CHECKING:
    from labkit.ledger.workers import WorkerCard

#: Seconds by which the clock of a Redis elsewhere may be behind this machine's.
_TOLERANCE = 5


def memory(card: WorkerCard) -> int | None:
    """What a worker takes, in MiB; None for one on another machine."""
    with suppress(psutil.Error):
        if process := _process(card):
            taken: int = process.memory_info().rss
            return round(taken / 2**20)
    return None


def can_end(card: WorkerCard) -> bool:
    """Whether it is a process of its own on this machine."""
    with suppress(psutil.Error):
        return card.pid != os.getpid() and _process(card) is not None
    return False


def end(card: WorkerCard, *, kill: bool) -> None:
    """SIGTERM to the worker's main process, which hands it on; or SIGKILL to that and all below it.

    Dramatiq ends as a whole: where one of its processes ends, the others follow.

    Raises:
      WorkerError: it runs elsewhere, is this very process, or may not be signalled.
    """
    if card.pid == os.getpid():
        raise WorkerError(f"the worker {card.address} is a thread of this process: stop it there")
    try:
        process = _process(card)
        if process is None:
            raise WorkerError(
                f"the worker {card.address} runs on another machine: quiet it, or end it there"
            )
        main = _main_of(process)
        doomed = [main, *main.children(recursive=True)] if kill else [main]
        for one in doomed:
            with suppress(psutil.NoSuchProcess):
                one.send_signal(signal.SIGKILL if kill else signal.SIGTERM)
    except psutil.NoSuchProcess:
        return
    except psutil.Error as error:
        raise WorkerError(f"the worker {card.address} cannot be ended: {error}") from error


def _process(card: WorkerCard) -> psutil.Process | None:
    if card.host != socket.gethostname():
        return None
    process = psutil.Process(card.pid)
    is_older = process.create_time() <= card.since.timestamp() + _TOLERANCE
    return process if is_older else None


def _main_of(process: psutil.Process) -> psutil.Process:
    """Dramatiq's main process: the parent, where that is one. A worker may run without."""
    parent = process.parent()
    if parent is None or parent.pid == os.getpid():
        return process
    words = [Path(word).name for word in parent.cmdline()]
    return parent if "dramatiq" in words else process
