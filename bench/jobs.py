"""The two jobs that every queue runs. Nothing is imported that costs a worker memory."""

from __future__ import annotations

import os
import time


def noop(number: int) -> None:
    """Does nothing: what is left is the queue's own work."""


def stamp(since: float, path: str) -> None:
    """Appends the seconds since ``since`` and the worker's process id to a file."""
    seconds = time.time() - since
    # One write of one line: appends of several workers do not mix.
    with open(path, "a", encoding="ascii") as file:  # noqa: PTH123 - pathlib costs an import
        file.write(f"{seconds} {os.getpid()}\n")
