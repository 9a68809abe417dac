"""How labkit talks to a Redis: a pool that waits instead of raising, and errors that help.

The pool is the guide's ``{ size: 4, network_timeout: 5 }``. It is fork-safe, as redis-py's own
are, and opens nothing before the first command.
"""

from __future__ import annotations

import contextlib
import queue
import re
from typing import TYPE_CHECKING, Any

import redis
import redis.exceptions
from redis.backoff import NoBackoff
from redis.connection import BlockingConnectionPool, Connection, SSLConnection, parse_url
from redis.retry import Retry

from labkit.errors import ConfigurationError, LabkitError, RedisRefused, RedisUnavailable
from labkit.redis_sentinel import SCHEMES, Service, parse_sentinel_url
from labkit.settings import redact_url

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

#: Redis, or its reply, is away: try again. (redis-py's TimeoutError is no ConnectionError.)
LOST = (redis.exceptions.ConnectionError, redis.exceptions.TimeoutError)
# One shape of replies with every redis-py, and bytes: a payload need not be UTF-8.
_FIXED = {"protocol": 2, "decode_responses": False}
#: What Redis's own error text means for the person who reads it. In a script's error the code
#: stands somewhere in the text, and Redis 6 has other sentences than 7.
_REFUSALS = (
    (
        r"NOAUTH|WRONGPASS|[Ii]nvalid (username-password|password)|AUTH .*without any|"
        r"Authentication required",
        "refuses the user name or password: set both in REDIS_URL (redis://USER:PASSWORD@HOST:PORT/DB)",
    ),
    (r"NOPERM|no permissions", "does not permit this user to run the command"),
    (
        r"\bOOM\b|maxmemory",
        "has no memory left (maxmemory), and nothing was written: give it more, or clear",
    ),
    (r"MISCONF", "cannot write to its disk, and so accepts no writes: free some space there"),
    (
        r"NOREPLICAS",
        "has fewer replicas than its min-replicas-to-write, and so accepts no writes",
    ),
    (r"READONLY|read only replica", "is a read-only replica: set REDIS_URL to the primary"),
    (r"WRONGTYPE|wrong kind of value", "has a key of another type there: use another namespace"),
    (r"DB index|invalid DB", "has no database of this number: see the end of REDIS_URL"),
)


class LazyPool(BlockingConnectionPool):
    """A blocking pool that asks ``resolve`` for its URL when it makes its first connection.

    After a connection has failed it asks again, so that a server that was found is found once
    more, or started, wherever it is by then.
    """

    def __init__(self, resolve: Callable[[], str], size: int, timeout: float) -> None:
        self._resolve = resolve
        self.address = ""
        super().__init__(  # type: ignore[no-untyped-call]
            max_connections=size,
            timeout=timeout,
            socket_timeout=timeout,
            socket_connect_timeout=timeout,
            # redis-py would repeat a command whose reply was lost, and so enqueue a job twice.
            retry=Retry(NoBackoff(), 0),
            **_FIXED,
        )
        self._defaults = dict(self.connection_kwargs)
        #: The connections' own name in CLIENT LIST: it goes before one in the URL.
        self.named: dict[str, str] = {}

    @property
    def url(self) -> str:
        """The URL in use, with its password; asks for it when there is none yet."""
        return self._resolve()

    def __repr__(self) -> str:
        return f"<LazyPool({self.address or 'no address yet'})>"

    def get_connection(self, *args: Any, **options: Any) -> Any:
        """A connection, waited for up to the pool's timeout.

        Raises:
          RedisUnavailable: no server is found, or all connections stay in use.
        """
        if not self.address:
            self._use(self._resolve())
        try:
            return super().get_connection(*args, **options)  # type: ignore[no-untyped-call]
        except redis.exceptions.ConnectionError as error:
            if isinstance(error.__context__, queue.Empty):
                raise RedisUnavailable(
                    f"All {self.max_connections} connections to Redis at {self.address} were in "
                    f"use for {self.timeout:g} s: raise pool_size (or LABKIT_POOL_SIZE)."
                ) from None
            self._forget()
            raise

    def _use(self, url: str) -> None:
        options = parse_redis_url(url)
        # The pool's own options: they are settled before the address is known.
        for name in ("max_connections", "timeout"):
            options.pop(name, None)
        self.connection_class = options.pop("connection_class", Connection)
        self.connection_kwargs = {**self._defaults, **options, **self.named, **_FIXED}
        self.address = redact_url(url)

    def _forget(self) -> None:
        idle = []
        with contextlib.suppress(queue.Empty):
            while True:
                idle.append(self.pool.get_nowait())
        for connection in filter(None, idle):
            connection.disconnect()
            self._connections.remove(connection)
        self.address = ""
        for _ in idle:
            self.pool.put_nowait(None)


def client_of(url: str, size: int = 4, timeout: float = 5.0) -> redis.Redis:
    """A client of this one Redis, of ``size`` connections and ``timeout`` seconds a command.

    Raises:
      ConfigurationError: it is no Redis URL.
    """
    parse_redis_url(url)
    return redis.Redis.from_pool(LazyPool(lambda: url, size, timeout))


def sibling(client: redis.Redis, *, name: str | None, size: int) -> redis.Redis:
    """A client of the same Redis with a pool of its own; ``name`` shows in ``CLIENT LIST``.

    For connections that block or that stand for a process: they must not wait for others, and
    others not for them.
    """
    pool = client.connection_pool
    named = {"client_name": name} if name else {}
    if isinstance(pool, LazyPool):
        own = LazyPool(lambda: pool.url, size, pool.timeout)
        own.named = named
        return redis.Redis.from_pool(own)
    kwargs = {**pool.connection_kwargs, **named}
    return redis.Redis.from_pool(
        BlockingConnectionPool(
            connection_class=pool.connection_class,
            max_connections=size,
            **{"timeout": 5, **kwargs},
        )
    )


def parse_redis_url(url: str) -> dict[str, Any]:
    """The connection options in a URL.

    Raises:
      ConfigurationError: it is no Redis URL; the message shows no password.
    """
    try:
        if url.startswith(SCHEMES):
            return parse_sentinel_url(url)
        options: dict[str, Any] = parse_url(url)
    except ValueError as error:
        raise ConfigurationError(
            f"REDIS_URL = {redact_url(url)!r}: {error}. It looks like "
            "redis://[[USER]:PASSWORD@]HOST:PORT/DB, or rediss:// for TLS, or unix:///PATH?db=DB, "
            "or redis+sentinel://[[USER]:PASSWORD@]HOST:PORT,HOST:PORT/SERVICE/DB."
        ) from None
    return options


def address_of(client: redis.Redis) -> str:
    """Where a client connects to, without its password."""
    options = client.connection_pool.connection_kwargs
    if isinstance(service := options.get("connection_pool"), Service):
        return service.address
    if "path" in options:
        return f"unix://{options['path']}?db={options.get('db', 0)}"
    host, port = options.get("host", "localhost"), options.get("port", 6379)
    scheme = (
        "rediss" if issubclass(client.connection_pool.connection_class, SSLConnection) else "redis"
    )
    return f"{scheme}://{host}:{port}/{options.get('db', 0)}"


@contextlib.contextmanager
def redis_errors(client: redis.Redis) -> Iterator[None]:
    """Turn redis-py's errors inside the block into labkit's, which say what to do.

    Raises:
      RedisUnavailable: nothing answers, or not in time.
      RedisRefused: it answers, and refuses: no memory, no permission, a wrong password.
    """
    try:
        yield
    except LabkitError:
        raise
    except (redis.exceptions.ConnectionError, redis.exceptions.TimeoutError) as error:
        raise _explain(client, error) from error
    except redis.exceptions.ResponseError as error:
        explained = _explain(client, error)
        if isinstance(explained, RedisRefused):
            raise explained from error
        raise


def _explain(client: redis.Redis, error: redis.RedisError) -> LabkitError:
    where, text = f"Redis at {address_of(client)}", str(error)
    for pattern, meaning in _REFUSALS:
        if re.search(pattern, text):
            return RedisRefused(f"{where} {meaning}. It said: {text}")
    if isinstance(error, redis.exceptions.BusyLoadingError):
        return RedisUnavailable(f"{where} is still loading its data. Try again in a moment.")
    if "max number of clients" in text:
        return RedisUnavailable(f"{where} accepts no more clients (its maxclients is reached).")
    if isinstance(error, redis.exceptions.TimeoutError):
        return RedisUnavailable(
            f"{where} did not answer in time. If it is only slow, raise network_timeout "
            "(labkit.toml or LABKIT_NETWORK_TIMEOUT)."
        )
    return RedisUnavailable(
        f"{where} does not answer ({text}). Start it; or correct REDIS_URL; or unset REDIS_URL, "
        "and labkit starts one of its own."
    )
