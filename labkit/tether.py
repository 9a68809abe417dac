"""A child process that ends when its parent does, also when the parent is killed with -9.

``start`` puts a small watcher (this very file, run as a script) between the two. It holds the
read end of a pipe whose only writer is the parent, so however the parent ends, the pipe ends with
it and the watcher takes down the whole process group of the child. Linux could do without
(PR_SET_PDEATHSIG); macOS has nothing of the kind, and this form is the same on both.

Nothing of labkit is imported here: the watcher stays at 9 MB and starts within 10 ms.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

#: Seconds between the polite signal and SIGKILL once the parent has gone.
GRACE = 3.0


class Tethered:
    """A running command: ``pid`` is the leader of a process group of its own."""

    def __init__(self, watcher: subprocess.Popen[bytes], pid: int) -> None:
        self.pid = pid
        self._watcher = watcher

    @property
    def running(self) -> bool:
        """Whether the command itself still runs."""
        return self._watcher.poll() is None

    def signal(self, number: int) -> None:
        """Send a signal to the command alone; nothing happens when it has ended."""
        if self.running:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def kill(self) -> None:
        """SIGKILL to the whole group, and wait until it is gone."""
        if self.running:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self.pid, signal.SIGKILL)
        self.wait(None)

    def wait(self, timeout: float | None) -> bool:
        """Wait up to ``timeout`` seconds for the end; whether it came."""
        try:
            self._watcher.wait(timeout)
        except subprocess.TimeoutExpired:
            return False
        if self._watcher.stdin is not None:
            self._watcher.stdin.close()
        return True


def start(
    command: Sequence[str],
    *,
    output: Path,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
) -> Tethered:
    """Run ``command`` with stdout and stderr appended to the file ``output``, tied to this process.

    Raises:
      OSError: when the command cannot be run.
    """
    with output.open("ab") as log:
        watcher = subprocess.Popen(
            [sys.executable, "-I", "-S", __file__, *command],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            env=env,
            cwd=cwd,
            start_new_session=True,
        )
    assert watcher.stdout is not None  # noqa: S101 - for mypy
    with watcher.stdout as announced:
        pid = announced.readline()
    if not pid:
        watcher.communicate()
        raise OSError(f"{command[0]} cannot be run; {output} says why")
    return Tethered(watcher, int(pid))


def watch(command: list[str]) -> int:
    """Run the command until it or the parent ends; leave nothing of its group behind."""
    pid = os.posix_spawnp(
        command[0],
        command,
        os.environ,
        file_actions=[
            (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
            (os.POSIX_SPAWN_DUP2, 2, 1),
        ],
        setpgroup=0,
    )

    def signal_group(number: int) -> None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(pid, number)

    def follow_parent() -> None:
        while os.read(0, 1):
            pass
        signal_group(signal.SIGTERM)
        time.sleep(GRACE)
        signal_group(signal.SIGKILL)

    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, lambda *_: signal_group(signal.SIGTERM))
    os.write(1, b"%d\n" % pid)
    os.close(1)
    threading.Thread(target=follow_parent, daemon=True).start()
    _, status = os.waitpid(pid, 0)
    signal_group(signal.SIGKILL)
    code = os.waitstatus_to_exitcode(status)
    return code if code >= 0 else 128 - code


if __name__ == "__main__":
    sys.exit(watch(sys.argv[1:]))
