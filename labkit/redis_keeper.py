"""The keeper of a private Redis: starts it, and stops it once nobody uses it any more.

Run as a script by ``redis_private``, detached from the program that asked for the server, so that
it outlives it. Every labkit process that uses the server holds a shared lock on ``redis.users``;
when the exclusive one could be had for a minute, and nobody came and went in between, the server
gets SIGTERM and writes out its append-only file. Nothing of labkit is imported here: it stays
at about 9 MB, and watches with two system calls a second.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import signal
import sys
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

#: Held while somebody finds, starts or stops the server.
DECISION = "redis.lock"
#: Held, shared, by every process that uses the server.
USERS = "redis.users"
#: Held by the keeper, and by the server: who runs is asked of the locks, never of a process id.
KEEPER = "redis.keeper"
SERVER = "redis.server"
CONFIG = "redis.conf"
LOG = "redis.log"

#: Seconds that the server stays after its last user.
LINGER = 60.0
#: Linux: this process gets that signal when its parent ends.
PR_SET_PDEATHSIG = 1


def open_lock(folder: str, name: str) -> int:
    """A descriptor of one of the lock files; closing it gives up what it holds."""
    return os.open(os.path.join(folder, name), os.O_RDWR | os.O_CREAT, 0o600)  # noqa: PTH118


@contextlib.contextmanager
def locked(folder: str, name: str) -> Iterator[None]:
    """Hold one of the locks alone; waits until it is free."""
    descriptor = open_lock(folder, name)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def take(descriptor: int) -> bool:
    """Lock the descriptor for this process alone, if nobody holds it; whether that worked."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def spawn(folder: str, binary: str) -> int:
    """Start the server with the lock SERVER in its hands, and make it end with this process."""
    server_lock = open_lock(folder, SERVER)
    take(server_lock)
    log = os.open(os.path.join(folder, LOG), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)  # noqa: PTH118
    nothing = os.open(os.devnull, os.O_RDONLY)
    prctl = None
    if sys.platform == "linux":
        # In place of a start with no parent: after kill -9 of this keeper nobody would stop it.
        # Elsewhere the next `find` shuts such an orphan down.
        import ctypes

        prctl = ctypes.CDLL(None).prctl
    keeper = os.getpid()
    pid = os.fork()
    if pid == 0:
        try:
            if prctl is not None:
                prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
                if os.getppid() != keeper:
                    os._exit(1)
            os.setpgid(0, 0)
            for target, source in ((0, nothing), (1, log), (2, log)):
                os.dup2(source, target)
            os.set_inheritable(server_lock, True)
            os.execv(binary, [binary, os.path.join(folder, CONFIG)])  # noqa: PTH118, S606
        finally:
            os._exit(127)
    for descriptor in (server_lock, log, nothing):
        os.close(descriptor)
    return pid


def keep(folder: str, pid: int, linger: float) -> None:
    """Return when the server has ended: by itself, or stopped here because nobody uses it."""
    users = open_lock(folder, USERS)
    last_used, touched = time.monotonic(), 0
    while not ended(pid):
        time.sleep(min(1.0, linger / 4))
        in_use = not take(users)
        fcntl.flock(users, fcntl.LOCK_UN)
        # A user sets the file's time, so one that came and went between two looks counts too.
        came = os.fstat(users).st_mtime_ns
        if in_use or came != touched:
            last_used, touched = time.monotonic(), came
        elif time.monotonic() - last_used >= linger:
            with locked(folder, DECISION):
                if take(users) and os.fstat(users).st_mtime_ns == touched:
                    stop(pid)
                    return
                fcntl.flock(users, fcntl.LOCK_UN)


def ended(pid: int) -> bool:
    """Whether the server has ended; asked once more after that, it raises ChildProcessError."""
    return os.waitpid(pid, os.WNOHANG)[0] == pid


def stop(pid: int) -> None:
    """SIGTERM, so that the append-only file is complete; wait for the end."""
    os.kill(pid, signal.SIGTERM)
    os.waitpid(pid, 0)


def main(folder: str, binary: str) -> None:
    """Detach, start the server, say its process id on stdout, and keep it."""
    if os.fork():
        return
    keeper_lock = open_lock(folder, KEEPER)
    take(keeper_lock)
    pid = spawn(folder, binary)
    stopping = [False]

    def stop_with_me(*_: object) -> None:
        if not stopping[0]:
            stopping[0] = True
            os.kill(pid, signal.SIGTERM)

    signal.signal(signal.SIGTERM, stop_with_me)
    # Whoever started it waits on this pipe: a line is the process id, its end is our end.
    os.write(1, b"%d\n" % pid)
    keep(folder, pid, float(os.environ.get("LABKIT_REDIS_LINGER") or LINGER))


if __name__ == "__main__":
    main(*sys.argv[1:])
