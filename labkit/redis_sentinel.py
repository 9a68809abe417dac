"""A Redis behind Sentinel: the address of its sentinels, and a connection that follows a failover.

``redis+sentinel://[[USER]:PASSWORD@]HOST[:PORT][,HOST[:PORT]…]/SERVICE[/DB][?option=value…]`` names
the sentinels and the service that they watch; user, password and DB are those of Redis itself, and
``rediss+sentinel://`` speaks TLS to both. ``sentinel_username`` and ``sentinel_password`` are for
the sentinels, all other options are redis-py's.

Each new connection asks the sentinels for the master, and then that server whether it is one: a
master that was given up and comes back is for some seconds still one by its own word, but no more
by theirs, and one that has just been demoted is none by its own.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import SplitResult, urlsplit

import redis
from redis import exceptions
from redis.connection import SSLConnection, parse_url
from redis.sentinel import MasterNotFoundError, Sentinel, SentinelManagedConnection

SCHEMES = ("redis+sentinel://", "rediss+sentinel://")
DEFAULT_PORT = 26379
#: Seconds that one sentinel may take; behind that the next is asked.
PATIENCE = 1.0
#: What a server says that has just been told to be a replica, to who waits there or reads.
_DEMOTED = ("UNBLOCKED", "MASTERDOWN")


class Service:
    """What the sentinels watch under one name; to redis-py the pool of its connections.

    Parameters:
      sentinels: Host and port of each.
      options: redis-py's, for the connections to them.
    """

    is_master = True
    check_connection = False

    def __init__(
        self, sentinels: list[tuple[str, int]], name: str, db: int, options: dict[str, Any]
    ) -> None:
        self.service_name = name
        self._sentinels = sentinels
        self._options = {"socket_timeout": PATIENCE, "socket_connect_timeout": PATIENCE, **options}
        scheme = SCHEMES["ssl" in options]
        hosts = ",".join(f"{_bracketed(host)}:{port}" for host, port in sentinels)
        self.address = f"{scheme}{hosts}/{name}/{db}"

    def get_master_address(self) -> tuple[str, int]:
        """Host and port of the server that is the master now.

        Raises:
          ConnectionError: no sentinel answers, or none knows of a master that is up.
        """
        # Opened for the one question: connections are rare, and none has to outlive a fork.
        sentinel = Sentinel(self._sentinels, sentinel_kwargs=self._options)
        try:
            host, port = sentinel.discover_master(self.service_name)
        except MasterNotFoundError:  # its text holds whatever redis-py shows of a client
            why = "; ".join(dict.fromkeys(map(_refusal, sentinel.sentinels)))
            raise exceptions.ConnectionError(
                f"no sentinel names a master of {self.service_name!r} that is up ({why})"
            ) from None
        finally:
            for one in sentinel.sentinels:
                one.close()
        return str(host), int(port)


class SentinelConnection(SentinelManagedConnection):
    """A connection to the master of a service, whichever server that is when it connects."""

    def connect_to(self, address: tuple[str, int]) -> None:
        super().connect_to(address)  # type: ignore[no-untyped-call]
        self.send_command("ROLE")  # type: ignore[no-untyped-call]
        try:
            [role, *_] = self.read_response()
        except exceptions.NoPermissionError:
            return  # then the sentinels' word has to do
        if role != b"master":
            self.disconnect()  # type: ignore[no-untyped-call]
            raise exceptions.ConnectionError(
                f"{address[0]}:{address[1]} is a {role.decode()}, and no master"
            )

    def read_response(self, *args: Any, **options: Any) -> Any:
        try:
            return super().read_response(*args, **options)
        except exceptions.ResponseError as error:
            if not str(error).startswith(_DEMOTED):
                raise
            self.disconnect()  # type: ignore[no-untyped-call]
            raise exceptions.ConnectionError(f"the master was given up: {error}") from None


class SentinelSSLConnection(SentinelConnection, SSLConnection):
    """The same over TLS."""


def parse_sentinel_url(url: str) -> dict[str, Any]:
    """The connection options in a URL of sentinels, as ``parse_url`` has them for other URLs.

    Raises:
      ValueError: it is none.
    """
    parts = urlsplit(url)
    sentinels = list(_sentinels(parts))
    name, _, db = parts.path.strip("/").partition("/")
    if not name:
        raise ValueError("behind the sentinels the name of the service is missing")
    if db and not db.isdecimal():
        raise ValueError(f"{db!r} is no number of a database")
    scheme = "rediss" if parts.scheme == "rediss+sentinel" else "redis"
    userinfo, at, _ = parts.netloc.rpartition("@")
    options: dict[str, Any] = parse_url(f"{scheme}://{userinfo}{at}_/{db}?{parts.query}")
    asking = {key: value for key, value in options.items() if key.startswith("ssl_")}
    for key in ("username", "password"):
        if f"sentinel_{key}" in options:
            asking[key] = options.pop(f"sentinel_{key}")
    if options.pop("connection_class", None) is SSLConnection:
        asking["ssl"] = True
    options.pop("host", None)
    service = Service(sentinels, name, options.get("db", 0), asking)
    kind = SentinelSSLConnection if "ssl" in asking else SentinelConnection
    return {**options, "connection_class": kind, "connection_pool": service}


def _sentinels(parts: SplitResult) -> Any:
    for place in parts.netloc.rpartition("@")[2].split(","):
        one = urlsplit(f"//{place}")
        if not one.hostname:
            raise ValueError(f"{place!r} is no HOST or HOST:PORT of a sentinel")
        yield one.hostname, one.port or DEFAULT_PORT


def _refusal(sentinel: redis.Redis) -> str:
    """Why one of them does not answer, in words that hold no password."""
    try:
        sentinel.ping()
    except exceptions.RedisError as error:
        return str(error)
    return "one that answers knows of none"


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host
