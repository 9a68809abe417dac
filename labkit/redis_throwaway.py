"""A Redis for a test, a chapter or a measurement: its own folder, its own port, gone at the end.

Whatever flushes, kills or fills a Redis does it to one of these, never to one that was found.
"""

from __future__ import annotations

import contextlib
import secrets
import shutil
import signal
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import quote

import redis

from labkit import tether
from labkit.errors import RedisUnavailable
from labkit.redis_process import (
    DB,
    HOST,
    find_binary,
    free_port,
    last_lines,
    wait_until_ready,
    write_config,
)

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import TracebackType


class ThrowawayRedis:
    """A context manager: entered, the server answers; left, it has ended and its folder is gone.

    It ends with this process too, also when that is killed with -9.

    Parameters:
      password: ``True`` for a random one; a string for that one.
      persist: keep an append-only file, so that ``restart`` finds what ``kill`` left.
      config: further lines of redis.conf, such as ``{"maxmemory": "2mb"}``.

    Raises:
      RedisUnavailable: on entering, when no server can be started.
    """

    def __init__(
        self,
        *,
        password: bool | str = False,
        persist: bool = False,
        db: int = DB,
        config: Mapping[str, str] | None = None,
    ) -> None:
        self.password = secrets.token_urlsafe(16) if password is True else password or None
        self.port = 0
        self._persist = persist
        self._db = db
        self._config = dict(config or {})
        self._folder: Path | None = None
        self._process: tether.Tethered | None = None
        self._clients: list[redis.Redis] = []

    def __repr__(self) -> str:
        return f"ThrowawayRedis(port={self.port}, running={self.running})"

    def __enter__(self) -> Self:
        self._folder = Path(tempfile.mkdtemp(prefix="labkit-redis-"))
        try:
            self._start(wanted=None)
        except BaseException:
            self._remove()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for client in self._clients:
            client.close()
        self._clients.clear()
        if self._process is not None:
            self._process.kill()
        self._remove()

    @property
    def url(self) -> str:
        """Its address, password included."""
        userinfo = f":{quote(self.password, safe='')}@" if self.password else ""
        return f"redis://{userinfo}{HOST}:{self.port}/{self._db}"

    @property
    def pid(self) -> int:
        """The process id of the server."""
        return self._running().pid

    @property
    def running(self) -> bool:
        """Whether the server process is there."""
        return self._process is not None and self._process.running

    def client(self, **options: Any) -> redis.Redis:
        """A client that is closed together with the server; ``options`` as redis-py has them."""
        client = redis.Redis.from_url(self.url, **options)
        self._clients.append(client)
        return client

    def kill(self) -> None:
        """SIGKILL, as a machine that fails would end it."""
        self._running().kill()

    def stop(self) -> None:
        """SIGTERM, and wait until it has ended in order."""
        process = self._running()
        process.signal(signal.SIGTERM)
        if not process.wait(10):
            process.kill()

    def restart(self) -> None:
        """Start it again on the same port; stop it first when it runs."""
        if self.running:
            self.stop()
        self._start(wanted=self.port)

    def _running(self) -> tether.Tethered:
        if self._process is None:
            raise RedisUnavailable("This ThrowawayRedis is not started: enter it with `with`.")
        return self._process

    def _start(self, wanted: int | None) -> None:
        folder = self._folder
        if folder is None:
            raise RedisUnavailable("This ThrowawayRedis is not started: enter it with `with`.")
        binary, log = find_binary(), folder / "redis.log"
        # Between the choice of a port and the bind somebody else may take it: then another.
        for _ in range(10):
            self.port = free_port(wanted)
            if wanted is not None and self.port != wanted:
                raise RedisUnavailable(f"Port {wanted} has been taken by another program.")
            write_config(folder / "redis.conf", self._options(folder))
            process = tether.start([str(binary), str(folder / "redis.conf")], output=log)
            self._process = process
            # The process id tells our server from another that took the port first.
            info = wait_until_ready(self.port, self.password, lambda: self.running)
            if info is not None and info["process_id"] == process.pid:
                return
            process.kill()
            if "in use" not in last_lines(log):
                break
        raise RedisUnavailable(f"A throwaway redis-server did not start:\n{last_lines(log)}")

    def _options(self, folder: Path) -> dict[str, str]:
        options = {
            "bind": HOST,
            "port": str(self.port),
            "dir": str(folder),
            "save": '""',
            "appendonly": "yes" if self._persist else "no",
            "appendfsync": "everysec",
        }
        if self.password:
            options["requirepass"] = self.password
        return options | self._config

    def _remove(self) -> None:
        if self._folder is not None:
            with contextlib.suppress(OSError):
                shutil.rmtree(self._folder)
            self._folder = None
