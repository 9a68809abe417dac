"""The private Redis of a root: loopback, a password of its own, an append-only file.

Everything of it lies under ``.labkit/``: ``redis.conf`` and ``redis.password`` (mode 600),
``redis/`` with the data, ``redis.log``, ``redis.json`` with the port and the process id for a
human to read, and the locks that ``redis_keeper`` describes. The port is the one of last time if
that is free, so a client that lost the server meets it again where it was.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import re
import secrets
import select
import subprocess
import sys
import threading
import time
from typing import TYPE_CHECKING

import redis

from labkit import redis_keeper
from labkit.errors import RedisUnavailable
from labkit.redis_process import (
    DB,
    HOST,
    find_binary,
    free_port,
    last_lines,
    open_client,
    wait_until_ready,
    write_config,
)

if TYPE_CHECKING:
    from pathlib import Path

#: The descriptor by which this process holds the shared lock on a root's server.
_held: dict[str, int] = {}
_held_guard = threading.Lock()


class PrivateRedis:
    """The server of one root, whether it runs or not; making this object starts nothing."""

    def __init__(self, state_dir: Path) -> None:
        self.folder = state_dir
        self._folder = str(state_dir)

        self._state_file = state_dir / "redis.json"

    def __repr__(self) -> str:
        return f"PrivateRedis({self._folder!r})"

    @property
    def url(self) -> str:
        """Its address, password included; where it was last, when it does not run."""
        return f"redis://:{self._password()}@{HOST}:{self._last_port()}/{DB}"

    def use(self, *, start: bool) -> str | None:
        """The version of the running server, which stays up until this process ends.

        When it does not run: start it, or return ``None``.

        Raises:
          RedisUnavailable: it cannot be started, or does not answer.
        """
        if not start and not self._state_file.exists():
            return None
        try:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            with redis_keeper.locked(self._folder, redis_keeper.DECISION):
                info = self._running() or (self._start() if start else None)
                if info is not None:
                    self._hold()
        except OSError as error:
            if isinstance(error, redis.RedisError):
                raise
            raise RedisUnavailable(
                f"No private Redis can be kept in {self.folder}: {error.strerror or error}. Make "
                "that folder writable, free some space, or set REDIS_URL or LABKIT_HOME."
            ) from error
        return None if info is None else str(info["redis_version"])

    def release(self) -> None:
        """This process no longer uses the server; without other users it stops after a minute."""
        with _held_guard:
            descriptor = _held.pop(self._folder, None)
        if descriptor is not None:
            os.close(descriptor)

    def _hold(self) -> None:
        with _held_guard:
            if self._folder not in _held:
                descriptor = redis_keeper.open_lock(self._folder, redis_keeper.USERS)
                fcntl.flock(descriptor, fcntl.LOCK_SH)
                _held[self._folder] = descriptor
            os.utime(_held[self._folder])

    def _running(self) -> dict[str, object] | None:
        if not self._is_held(redis_keeper.SERVER):
            return None
        if not self._is_held(redis_keeper.KEEPER):
            self._shut_down_orphan()
            return None
        return wait_until_ready(
            self._last_port(), self._password(), lambda: self._is_held(redis_keeper.SERVER)
        )

    def _is_held(self, lock: str) -> bool:
        descriptor = redis_keeper.open_lock(self._folder, lock)
        try:
            return not redis_keeper.take(descriptor)
        finally:
            os.close(descriptor)

    def _shut_down_orphan(self) -> None:
        # Two servers on one append-only file would ruin it, so this one has to go first.
        with (
            contextlib.suppress(redis.RedisError),
            open_client(self._last_port(), self._password()) as client,
        ):
            client.shutdown()
        deadline = time.monotonic() + 10
        while self._is_held(redis_keeper.SERVER):
            if time.monotonic() > deadline:
                raise RedisUnavailable(
                    f"A redis-server of {self.folder} runs without its keeper and does not shut "
                    f"down. End it (its process id is in {self._state_file})."
                )
            time.sleep(0.01)

    def _start(self) -> dict[str, object]:
        binary = find_binary()
        (self.folder / "redis").mkdir(mode=0o700, exist_ok=True)
        wanted: int | None = self._last_port()
        log = self.folder / redis_keeper.LOG
        # Between the choice of a port and the bind somebody else may take it: then another.
        for _ in range(10):
            port = free_port(wanted)
            info = self._start_on(port, str(binary))
            if info is not None:
                self._write_state(port, info["process_id"])
                return info
            if "in use" not in last_lines(log):
                break
            wanted = None
        raise RedisUnavailable(
            f"The private redis-server ended at its start. {log} ends with:\n{last_lines(log)}"
        )

    def _start_on(self, port: int, binary: str) -> dict[str, object] | None:
        write_config(self.folder / redis_keeper.CONFIG, self._options(port))
        # Before the start: if this process is killed now, the next one knows where to ask.
        self._write_state(port, None)
        # The keeper outlives us: on our stderr it would hold up whoever reads that to its end.
        with (
            open(self.folder / redis_keeper.LOG, "ab", opener=_for_us_alone) as log,
            subprocess.Popen(
                [sys.executable, "-I", "-S", redis_keeper.__file__, self._folder, binary],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=log,
                cwd=self.folder,
                start_new_session=True,
            ) as keeper,
        ):
            said = keeper.stdout
            assert said is not None  # noqa: S101 - for mypy
            if not said.readline():
                return None
            return wait_until_ready(
                port, self._password(), lambda: not select.select([said], [], [], 0)[0]
            )

    def _options(self, port: int) -> dict[str, str]:
        return {
            "bind": f"{HOST} -::1",
            "port": str(port),
            "requirepass": self._password(),
            "dir": str(self.folder / "redis"),
            "appendonly": "yes",
            "appendfsync": "everysec",
            "save": '""',
            "daemonize": "no",
            "logfile": str(self.folder / redis_keeper.LOG),
        }

    def _password(self) -> str:
        path, password = self.folder / "redis.password", ""
        with contextlib.suppress(FileNotFoundError, UnicodeDecodeError):
            password = path.read_text().strip()
        # An empty one, which a full disk leaves, would mean no password at all.
        if re.fullmatch(r"[\w-]{32,99}", password, re.ASCII):
            if path.stat().st_mode & 0o077:
                path.chmod(0o600)
            return password
        password = secrets.token_urlsafe(32)
        path.unlink(missing_ok=True)
        with open(path, "w", opener=_for_us_alone) as file:
            file.write(password)
        return password

    def _last_port(self) -> int:
        try:
            port = int(json.loads(self._state_file.read_text())["port"])
        except (FileNotFoundError, ValueError, KeyError, TypeError):
            return 0
        return port if 0 < port < 65_536 else 0

    def _write_state(self, port: int, pid: object) -> None:
        self._state_file.write_text(json.dumps({"port": port, "pid": pid}) + "\n")


def _for_us_alone(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def keep_over_exec() -> None:
    """The program that this process is about to become goes on using what this one uses."""
    for descriptor in _held.values():
        os.set_inheritable(descriptor, True)
