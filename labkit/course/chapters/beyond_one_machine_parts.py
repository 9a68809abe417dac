"""Chapter 11's servers, each thrown away; one of a kind is open at a time, as cells run again.

servers = sentinels()   # a master, a replica, three sentinels
pair = replicated()     # a master and a replica, and a line between them that can be broken
postgres = shared_database()   # or None, and a line that says why
tls = encrypted()              # or None, and a line that says why
"""

from __future__ import annotations

import atexit
import os
import shutil
import signal
import subprocess
import tempfile
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from labkit.course.lab import wait_until
from labkit.course.show import print_line
from labkit.errors import DatabaseNotReady, RedisUnavailable
from labkit.postgres_throwaway import ThrowawayPostgres
from labkit.redis_failover import ThrowawaySentinels
from labkit.redis_process import HOST, free_port
from labkit.redis_throwaway import ThrowawayRedis

#: A replica is asked for at once, and a lost one is noticed within a second.
_QUICK = {"repl-diskless-sync-delay": "0", "repl-ping-replica-period": "1"}
_open: dict[str, ExitStack] = {}


def _enter(kind: str, *managers: AbstractContextManager[Any]) -> list[Any]:
    close(kind)
    with ExitStack() as stack:
        entered = [stack.enter_context(manager) for manager in managers]
        _open[kind] = stack.pop_all()
    return entered


def close(kind: str) -> None:
    """End the servers of a kind, if some are open."""
    if stack := _open.pop(kind, None):
        stack.close()


@atexit.register
def _close_all() -> None:
    for kind in list(_open):
        close(kind)


def sentinels() -> ThrowawaySentinels:
    """A Redis that fails over within some two seconds."""
    [servers] = _enter("sentinels", ThrowawaySentinels())
    return servers  # type: ignore[no-any-return]


@dataclass(frozen=True)
class Pair:
    """A master and a replica that has all of it."""

    master: ThrowawayRedis
    replica: ThrowawayRedis

    def break_line(self) -> None:
        """From now on nothing reaches the replica: it looks for its master where nobody is."""
        self.replica.client().execute_command("REPLICAOF", HOST, "1")

    def freeze(self) -> None:
        """Stop the replica's process: its connection stays, and nobody reads from it."""
        os.kill(self.replica.pid, signal.SIGSTOP)

    def promote(self) -> None:
        """Make the replica a master, as Sentinel does."""
        self.replica.client().execute_command("REPLICAOF", "NO", "ONE")


def replicated(kind: str = "pair") -> Pair:
    """Start both, and wait until the replica follows, and the master knows it."""
    [master] = _enter(kind, ThrowawayRedis(db=0, config=_QUICK))
    config = {**_QUICK, "replicaof": f"{HOST} {master.port}"}
    replica = _open[kind].enter_context(ThrowawayRedis(db=0, config=config))
    # A master counts a replica for WAIT once that has answered it.
    client = master.client()
    wait_until(
        lambda: client.info("replication").get("slave0", {}).get("state") == "online",
        what="the replica to follow",
    )
    return Pair(master, replica)


def shared_database() -> ThrowawayPostgres | None:
    """A PostgreSQL, where one can be had."""
    try:
        [postgres] = _enter("postgres", ThrowawayPostgres())
    except DatabaseNotReady as error:
        _left_out("PostgreSQL", str(error))
        return None
    print_line("This part is here.")
    return postgres  # type: ignore[no-any-return]


@dataclass(frozen=True)
class Encrypted:
    """A Redis that speaks TLS alone, with a certificate that a CA of its own has signed."""

    url: str
    ca: Path


def encrypted() -> Encrypted | None:
    """A Redis with TLS, where openssl is, and a redis-server that was built with it."""
    if shutil.which("openssl") is None:
        _left_out("TLS", "there is no `openssl` to make a certificate with.")
        return None
    [name] = _enter("tls", tempfile.TemporaryDirectory(prefix="labkit-tls-"))
    folder, port = Path(name), free_port()
    _certify(folder)
    config = {
        "tls-port": str(port),
        "tls-cert-file": str(folder / "redis.crt"),
        "tls-key-file": str(folder / "redis.key"),
        "tls-ca-cert-file": str(folder / "ca.crt"),
        "tls-auth-clients": "no",
    }
    try:
        _open["tls"].enter_context(ThrowawayRedis(db=0, config=config))
    except RedisUnavailable:
        _left_out("TLS", "this redis-server was built without it.")
        return None
    print_line("This part is here.")
    return Encrypted(f"rediss://{HOST}:{port}/0", folder / "ca.crt")


def _certify(folder: Path) -> None:
    """A CA, and a certificate for this machine that it has signed."""
    (folder / "names").write_text(f"subjectAltName=IP:{HOST}")
    for line in (
        "req -x509 -newkey rsa:2048 -nodes -keyout ca.key -out ca.crt -days 2 -subj /CN=labkit-CA",
        "req -newkey rsa:2048 -nodes -keyout redis.key -out redis.csr -subj /CN=redis",
        "x509 -req -in redis.csr -CA ca.crt -CAkey ca.key -CAcreateserial -out redis.crt -days 2 "
        "-extfile names",
    ):
        subprocess.run(["openssl", *line.split()], cwd=folder, check=True, capture_output=True)


def _left_out(part: str, why: str) -> None:
    print_line(f"This part is left out. {part}: {why}")
