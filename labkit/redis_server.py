"""The Redis that labkit uses: found, or started. ``find`` says which, ``connect`` talks to it.

In this order: ``REDIS_URL`` when it is set, and then nothing else; the private server of this root
when it runs; whatever answers without a password at the guide's ``redis://127.0.0.1:6379/12``
(``LABKIT_LOCAL_REDIS`` names another place, and empty means nowhere); else the private server is
started. Never a fake: it is a real redis-server each time.
"""

from __future__ import annotations

import contextlib
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import redis

from labkit.errors import RedisRefused, RedisUnavailable
from labkit.redis_client import LazyPool, parse_redis_url, redis_errors
from labkit.redis_private import PrivateRedis
from labkit.redis_process import OLDEST
from labkit.redis_throwaway import ThrowawayRedis
from labkit.settings import Settings, redact_url

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

__all__ = ["Found", "ThrowawayRedis", "connect", "find", "redis_errors", "start_private"]

LOCAL = "redis://127.0.0.1:6379/12"


@dataclass(frozen=True, repr=False)
class Found:
    """A Redis that answered. ``url`` holds its password; ``address`` and the repr do not."""

    url: str
    source: Literal["REDIS_URL", "private", "local"]
    version: str

    @property
    def address(self) -> str:
        """The URL, safe to print."""
        return redact_url(self.url)

    def __repr__(self) -> str:
        return f"Found({self.address!r}, source={self.source!r}, version={self.version!r})"


def find(settings: Settings | None = None) -> Found:
    """The Redis to use; starts the private one when there is no other.

    Where that is the private one, it stays up until this process ends.

    Raises:
      RedisUnavailable: the one of REDIS_URL does not answer or is too old; or none answers and
        none can be started.
      RedisRefused: the one of REDIS_URL refuses the password.
    """
    settings = settings or Settings()
    if settings.redis_url is not None:
        url = settings.redis_url.get_secret_value()
        return Found(url, "REDIS_URL", _version(url, settings.network_timeout))
    private = PrivateRedis(settings.state_dir)
    if version := private.use(start=False):
        return Found(private.url, "private", version)
    if local := os.environ.get("LABKIT_LOCAL_REDIS", LOCAL):
        with contextlib.suppress(RedisUnavailable, RedisRefused, redis.RedisError):
            return Found(local, "local", _version(local, timeout=1.0))
    return start_private(settings.root)


def start_private(root: Path) -> Found:
    """The private server of ``root``, started when it does not run.

    Raises:
      RedisUnavailable: there is no redis-server, or it does not start.
    """
    private = PrivateRedis(Settings(root=root).state_dir)
    version = private.use(start=True)
    return Found(private.url, "private", version or "")


def connect(settings: Settings | None = None) -> redis.Redis:
    """A client of that Redis, which is found, or started, by the client's first command.

    It has at most ``pool_size`` connections and waits for a free one, replies with bytes, never
    repeats a command by itself, and may be used from threads and after a fork.

    Raises:
      ConfigurationError: REDIS_URL is no URL of a Redis.
    """
    settings = settings or Settings()
    size, timeout = settings.pool_size, settings.network_timeout
    if settings.redis_url is None:
        return _client(lambda: find(settings).url, size, timeout)
    url = settings.redis_url.get_secret_value()
    return _client(lambda: url, parse_redis_url(url).get("max_connections", size), timeout)


def _client(resolve: Callable[[], str], size: int, timeout: float) -> redis.Redis:
    return redis.Redis.from_pool(LazyPool(resolve, size, timeout))


def _version(url: str, timeout: float) -> str:
    with _client(lambda: url, 1, timeout) as client, redis_errors(client):
        try:
            version = str(client.info("server")["redis_version"])
        except redis.exceptions.NoPermissionError:
            client.ping()
            return "unknown"
    if tuple(int(part) for part in version.split(".")[:2]) < OLDEST:
        needed = ".".join(map(str, OLDEST))
        raise RedisUnavailable(
            f"Redis at {redact_url(url)} is version {version}; labkit needs {needed} or newer. "
            "Bring it up to date; or unset REDIS_URL, and labkit starts one of its own."
        )
    return version
