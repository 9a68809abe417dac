"""A throwaway Redis that fails over: a master, its replicas, and three sentinels that watch them.

For tests and for chapter 11. All of them end with this process, and their folders are gone.
"""

from __future__ import annotations

import contextlib
import shutil
import tempfile
import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import quote

import redis

from labkit import tether
from labkit.errors import RedisUnavailable
from labkit.redis_process import HOST, find_binary, free_port, last_lines, write_config
from labkit.redis_sentinel import parse_sentinel_url
from labkit.redis_throwaway import ThrowawayRedis
from labkit.settings import redact_url

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

#: The name under which the sentinels watch, redis.io's own.
SERVICE = "mymaster"
SENTINELS, QUORUM = 3, 2
#: Milliseconds of silence after which a sentinel takes a server for dead. Its default is 30,000.
DOWN_AFTER = 500
#: Seconds until everything is to stand, and until a failover is to be over.
READY, OVER = 20.0, 30.0
_QUICK = {"repl-diskless-sync-delay": "0", "repl-ping-replica-period": "1"}


class ThrowawaySentinels:
    """A context manager: entered, each of the three sentinels knows the others and the replicas.

    Parameters:
      replicas: How many there are; they follow the master.
      password: Asked for by all of them, and by the sentinels.
      config: Further lines of redis.conf for master and replicas.

    Raises:
      RedisUnavailable: on entering, when a server does not start, or they do not find each other.
    """

    def __init__(
        self,
        replicas: int = 1,
        *,
        password: str | None = None,
        config: Mapping[str, str] | None = None,
    ) -> None:
        self._count = replicas
        self._password = password
        self._config = {**_QUICK, **({"masterauth": password} if password else {})}
        self._config |= config or {}
        self._stack = contextlib.ExitStack()
        self._ports: list[int] = []
        self.replicas: list[ThrowawayRedis] = []
        self.master: ThrowawayRedis

    def __repr__(self) -> str:
        return f"ThrowawaySentinels({redact_url(self.url)!r})"

    @property
    def url(self) -> str:
        """The address for ``REDIS_URL``, passwords included."""
        places = ",".join(f"{HOST}:{port}" for port in self._ports)
        if self._password is None:
            return f"redis+sentinel://{places}/{SERVICE}/0"
        secret = quote(self._password, safe="")
        return f"redis+sentinel://:{secret}@{places}/{SERVICE}/0?sentinel_password={secret}"

    def __enter__(self) -> Self:
        with contextlib.ExitStack() as stack:
            start = stack.enter_context
            self.master = start(self._server(self._config))
            follow = {"replicaof": f"{HOST} {self.master.port}", **self._config}
            self.replicas = [start(self._server(follow)) for _ in range(self._count)]
            folder = Path(tempfile.mkdtemp(prefix="labkit-sentinel-"))
            stack.callback(shutil.rmtree, folder, ignore_errors=True)
            for replica in self.replicas:
                _wait_for(partial(_follows, replica.client()), "a replica follows")
            for number in range(SENTINELS):
                self._start_sentinel(folder / str(number), stack)
            for number in range(SENTINELS):
                _wait_for(partial(self._is_complete, number), "the sentinels agree")
            self._stack = stack.pop_all()
        return self

    def _server(self, config: Mapping[str, str]) -> ThrowawayRedis:
        return ThrowawayRedis(db=0, password=self._password or False, config=config)

    def __exit__(self, *_: object) -> None:
        self._stack.close()
        self._ports.clear()

    def sentinel(self, number: int = 0, **options: Any) -> redis.Redis:
        """A client of one of the sentinels; whoever asks for it closes it."""
        options = {"password": self._password, **options}
        return redis.Redis(host=HOST, port=self._ports[number], **options)

    def master_port(self) -> int:
        """The port of the master, by the word of the sentinels; for a client it is no earlier so.

        Raises:
          redis.ConnectionError: none of them names one that is up.
        """
        return int(parse_sentinel_url(self.url)["connection_pool"].get_master_address()[1])

    def wait_for_failover(self, timeout: float = OVER) -> None:
        """Until one of the replicas is the master.

        Raises:
          RedisUnavailable: none is, within ``timeout`` seconds.
        """
        clients = {replica.port: replica.client() for replica in self.replicas}

        def is_over() -> bool:
            port = self.master_port()
            return port in clients and clients[port].role()[0] == b"master"

        _wait_for(is_over, "a replica is the master", timeout)

    def _start_sentinel(self, folder: Path, stack: contextlib.ExitStack) -> None:
        folder.mkdir()
        port, log = free_port(), folder / "sentinel.log"
        options = {
            "bind": HOST,
            "port": str(port),
            "dir": str(folder),
            "sentinel": f"monitor {SERVICE} {HOST} {self.master.port} {QUORUM}",
        }
        if self._password is not None:
            options["requirepass"] = self._password
        write_config(folder / "sentinel.conf", options)
        with (folder / "sentinel.conf").open("a", encoding="utf-8") as file:
            file.write(f"sentinel down-after-milliseconds {SERVICE} {DOWN_AFTER}\n")
            file.write(f"sentinel failover-timeout {SERVICE} 5000\n")
            if self._password is not None:
                file.write(f'sentinel auth-pass {SERVICE} "{self._password}"\n')
                file.write(f'sentinel sentinel-pass "{self._password}"\n')
        command = [str(find_binary()), str(folder / "sentinel.conf"), "--sentinel"]
        process = tether.start(command, output=log)
        stack.callback(process.kill)
        self._ports.append(port)
        number = len(self._ports) - 1

        def answers() -> bool:
            if not process.running:
                raise RedisUnavailable(f"A sentinel did not start:\n{last_lines(log)}")
            with self.sentinel(number) as client:
                return bool(client.ping())

        _wait_for(answers, "a sentinel answers")

    def _is_complete(self, number: int) -> bool:
        with self.sentinel(number) as client:
            known = client.sentinel_masters()[SERVICE]
        others = SENTINELS - 1
        return bool(known["num-slaves"] == self._count and known["num-other-sentinels"] == others)


def _follows(client: redis.Redis) -> bool:
    return bool(client.role()[3] == b"connected")


def _wait_for(condition: Callable[[], bool], what: str, timeout: float = READY) -> None:
    deadline = time.monotonic() + timeout
    while time.monotonic() < deadline:
        with contextlib.suppress(redis.RedisError):
            if condition():
                return
        time.sleep(0.02)
    raise RedisUnavailable(f"Not within {timeout:g} s: {what}.")
