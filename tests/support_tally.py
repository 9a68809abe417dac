"""A tally outside Redis, and the processes that keep it: for chaos and soak."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]


def note(tally: Path, line: str) -> None:
    """Append a line in one write, which the kernel does not mix with another's."""
    descriptor = os.open(tally, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.write(descriptor, f"{line}\n".encode())
    os.close(descriptor)


def start(log: Path, env: dict[str, str], *command: str) -> subprocess.Popen[bytes]:
    """Python with this command, in a group of its own; what it says goes to ``log``."""
    with log.open("ab") as said:
        return subprocess.Popen(
            [sys.executable, *command],
            env=env,
            cwd=ROOT,
            stdout=said,
            stderr=said,
            start_new_session=True,
        )
