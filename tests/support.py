"""What tests share that is no fixture."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")

#: Runs a test of the database layer on each kind of database; its tables, or ``backend``, follow.
BOTH = pytest.mark.parametrize("backend", ["sqlite", "postgresql"], indirect=True)


def wait_until(predicate: Callable[[], T], timeout: float = 10.0, description: str = "") -> T:
    """Wait for a true value of ``predicate`` and return it; fail after ``timeout`` seconds.

    In place of every fixed sleep. The last value is part of the failure.
    """
    deadline = time.monotonic() + timeout
    while not (value := predicate()):
        if time.monotonic() > deadline:
            what = description or getattr(predicate, "__name__", "the condition")
            raise AssertionError(f"not within {timeout:g} s: {what} (last value: {value!r})")
        time.sleep(0.005)
    return value


def gone(pid: int) -> bool:
    """Whether the process has ended; a zombie has, and in a container nobody may reap an orphan."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return Path("/proc/self").exists()  # it has ended just now; macOS has no such place at all
    return stat.rpartition(")")[2].split()[0] == "Z"
