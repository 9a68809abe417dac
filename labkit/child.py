"""Starting a server as a child process, and hearing from it where it listens.

The child is a module of labkit. It binds its own port, so that no other can take it in between,
and prints one line, ``ready ADDRESS``. It ends with this process (see ``tether``).
"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

from labkit import tether
from labkit.errors import WorkerError
from labkit.settings import Settings


def start_child(
    command: list[str], log: Path, settings: Settings, timeout: float = 30.0
) -> tuple[tether.Tethered, str]:
    """Run ``python -m *command`` at the root, its output in ``log``; returns it and its address.

    Raises:
      WorkerError: it ended, or was not ready within ``timeout`` seconds; with its last words.
    """
    settings.state_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    log.write_bytes(b"")
    env = {**os.environ, "LABKIT_HOME": str(settings.root), "LABKIT_ENV": settings.env}
    python = [sys.executable, "-m", *command]
    child = tether.start(python, output=log, env=env, cwd=settings.root)
    deadline = time.monotonic() + timeout
    while True:
        running = child.running
        for line in log.read_text(encoding="utf-8", errors="replace").splitlines():
            if line.startswith("ready "):
                return child, line.removeprefix("ready ")
        if not running or time.monotonic() > deadline:
            child.kill()
            said = log.read_text(encoding="utf-8", errors="replace").splitlines()[-3:]
            why = "ended" if not running else f"was not ready within {timeout:g} s"
            raise WorkerError("\n".join([f"{command[0]} {why}. It said:", *said]))
        time.sleep(0.01)
