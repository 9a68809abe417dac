"""A Redis for a test, a chapter or a measurement: its own folder, its own port, gone at the end.

Whatever flushes, kills or fills a Redis does it to one of these, never to one that was found.
"""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import redis

from labkit import tether
from labkit.errors import RedisUnavailable
from labkit.redis_process import DB, HOST, find_binary, wait_until_ready, write_config
from labkit.throwaway import ThrowawayServer

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


class ThrowawayRedis(ThrowawayServer):
    """A context manager: entered, the server answers; left, it has ended and its folder is gone.

    It ends with this process too, also when that is killed with -9.

    Parameters:
      password: ``True`` for a random one; a string for that one.
      persist: keep an append-only file, so that ``restart`` finds what ``kill`` left.
      config: further lines of redis.conf, such as ``{"maxmemory": "2mb"}``.

    Raises:
      RedisUnavailable: on entering, when no server can be started.
    """

    _name = "Redis"
    _error = RedisUnavailable

    def __init__(
        self,
        *,
        password: bool | str = False,
        persist: bool = False,
        db: int = DB,
        config: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__()
        self.password = secrets.token_urlsafe(16) if password is True else password or None
        self._persist = persist
        self._db = db
        self._config = dict(config or {})
        self._clients: list[redis.Redis] = []

    @property
    def url(self) -> str:
        """Its address, password included."""
        userinfo = f":{quote(self.password, safe='')}@" if self.password else ""
        return f"redis://{userinfo}{HOST}:{self.port}/{self._db}"

    def client(self, **options: Any) -> redis.Redis:
        """A client that is closed together with the server; ``options`` as redis-py has them."""
        client = redis.Redis.from_url(self.url, **options)
        self._clients.append(client)
        return client

    def close(self) -> None:
        """End the server, close its clients and remove its folder; safe to repeat."""
        for client in self._clients:
            client.close()
        self._clients.clear()
        super().close()

    def _make(self) -> None:
        """Redis makes what it needs itself."""

    def _launch(self, log: Path) -> tether.Tethered:
        config = self._folder / "redis.conf"
        write_config(config, self._options())
        return tether.start([str(find_binary()), str(config)], output=log)

    def _is_ready(self, process: tether.Tethered) -> bool:
        # The process id tells our server from another that took the port first.
        info = wait_until_ready(self.port, self.password, lambda: process.running)
        return info is not None and info["process_id"] == process.pid

    def _options(self) -> dict[str, str]:
        options = {
            "bind": HOST,
            "port": str(self.port),
            "dir": str(self._folder),
            "save": '""',
            "appendonly": "yes" if self._persist else "no",
            "appendfsync": "everysec",
        }
        if self.password:
            options["requirepass"] = self.password
        return options | self._config
