"""Which testing mode this thread is in. Nothing here sends, runs or stores a job.

Sidekiq's three: *disabled* (jobs go to Redis; the default, also when ``labkit.testing`` is
imported), *fake* (jobs are kept in a list) and *inline* (jobs run at once, in the sender's
thread). With a block the mode is this thread's alone; without, it is the whole process's.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from enum import Enum
from typing import Any

from dramatiq import Message

from labkit.errors import ModeError


class Mode(Enum):
    """What the broker does with a message that is sent."""

    DISABLED = "disabled"
    FAKE = "fake"
    INLINE = "inline"


_everywhere = Mode.DISABLED
_local = threading.local()
_jobs_everywhere: list[Message[Any]] = []


def current() -> Mode:
    """The mode of this thread: its own block's, else the whole process's."""
    mine: Mode | None = getattr(_local, "mode", None)
    return _everywhere if mine is None else mine


def in_block() -> bool:
    """Whether this thread is inside a ``with fake():`` or one of its siblings."""
    return getattr(_local, "mode", None) is not None


def fake_jobs() -> list[Message[Any]]:
    """The jobs that the fake mode keeps: this block's, or the whole process's."""
    if in_block():
        mine: list[Message[Any]] = _local.jobs
        return mine
    return _jobs_everywhere


def set_everywhere(mode: Mode) -> None:
    """Switch the whole process; threads inside a block keep that block's mode.

    Raises:
      ModeError: inside a block, where it would seem to have no effect.
    """
    if in_block():
        raise ModeError(
            f"{mode.value}.everywhere() inside a `with` block would change nothing until the block "
            "ends. Leave the block first."
        )
    global _everywhere
    _everywhere = mode
    _jobs_everywhere.clear()


@contextmanager
def block(mode: Mode) -> Iterator[None]:
    """This thread is in ``mode`` until the block ends, whatever the process is in.

    Raises:
      ModeError: when the thread already is in such a block.
    """
    if in_block():
        raise ModeError(
            f"with {mode.value}(): this thread already is inside `with {current().value}():`, and "
            "testing modes do not nest. Close that block first."
        )
    _local.mode, _local.jobs = mode, []
    try:
        yield
    finally:
        _local.mode, _local.jobs = None, []


def reset() -> None:
    """Disabled everywhere, no block, no kept jobs: for the end of a test."""
    _local.mode, _local.jobs = None, []
    set_everywhere(Mode.DISABLED)
