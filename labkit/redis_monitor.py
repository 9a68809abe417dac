"""Every command that a Redis receives while one listens, and whose connection it came by.

Redis's own MONITOR tells the commands in their order. Who sent one is known by the address of its
connection: this process notes its own as it sends, and a worker's are among its open sockets. A
proxy between the two hides that, and Unix sockets have no addresses to tell apart.
"""

from __future__ import annotations

import re
import secrets
import threading
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

from redis.connection import AbstractConnection

from labkit.redis_client import client_of, redis_errors

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

#: Commands that are kept; what comes behind them is counted only.
MOST = 20_000
#: What Redis names as the sender of a command that a script runs.
SCRIPT = "lua"
#: Threads that look at Redis for a page, and not for a cell.
OBSERVERS = ("labkit-watcher", "labkit-follower")

_LINE = re.compile(r"(\d+\.\d+) \[\d+ (\S*)\] (.*)", re.DOTALL)
_WORD = re.compile(r'"((?:[^"\\]|\\.)*)"', re.DOTALL)
_ESCAPED = re.compile(r"\\(x[0-9a-f]{2}|.)", re.DOTALL)
_ESCAPES = {"n": b"\n", "r": b"\r", "t": b"\t", "a": b"\a", "b": b"\b"}


@dataclass(frozen=True)
class Command:
    """One command as MONITOR tells it."""

    at: float  #: seconds since 1970, by the server's clock
    sender: str  #: the address of its connection, or ``lua`` inside a script
    words: tuple[str, ...]


class Monitor:
    """Listens to one Redis from the beginning of a ``with`` block until ``stop``, or its end.

    Parameters:
      url: the Redis.
      notice: called in the listening thread with each sender that is new, while it is connected.

    Raises:
      RedisUnavailable: it does not answer.
      RedisRefused: it does not permit MONITOR.
    """

    def __init__(self, url: str, notice: Callable[[str], None]) -> None:
        self.commands: list[Command] = []
        self.missed = 0
        self._notice = notice
        self._mark = f"labkit-{secrets.token_hex(8)}"
        self._client = client_of(url, size=2)
        self._thread = threading.Thread(target=self._listen, name="labkit-monitor", daemon=True)

    def __enter__(self) -> Self:
        try:
            with redis_errors(self._client):
                self._connection = self._client.connection_pool.get_connection()
                self._connection.send_command("MONITOR")
                self._connection.read_response()
        except BaseException:
            self._client.close()
            raise
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        """Hear all that was sent up to now, and listen no more; may be called again."""
        with suppress(Exception):  # a Redis that has died meanwhile ends the listening, too
            self._client.echo(self._mark)
        self._thread.join(5)
        self._client.close()

    def _listen(self) -> None:
        senders: set[str] = set()
        with suppress(Exception):  # the connection ended: what was heard is all there is
            while True:
                if not self._connection.can_read(timeout=1):
                    continue
                line = self._connection.read_response().decode(errors="backslashreplace")
                if self._mark in line:
                    break
                command = parse(line)
                if command.sender not in senders:
                    senders.add(command.sender)
                    self._notice(command.sender)
                if len(self.commands) < MOST:
                    self.commands.append(command)
                else:
                    self.missed += 1
        self._connection.disconnect()


def parse(line: str) -> Command:
    """A line of MONITOR, such as ``1763900000.123456 [12 127.0.0.1:4711] "GET" "a"``."""
    known = _LINE.fullmatch(line)
    if known is None:
        return Command(0.0, "", (line,))
    words = tuple(_unescape(word) for word in _WORD.findall(known[3]))
    return Command(float(known[1]), known[2], words)


def _unescape(word: str) -> str:
    def plain(found: re.Match[str]) -> bytes:
        code = found[1]
        if len(code) == 3:
            return bytes([int(code[1:], 16)])
        return _ESCAPES.get(code, code.encode())

    parts, at = [], 0
    for found in _ESCAPED.finditer(word):
        parts += [word[at : found.start()].encode(), plain(found)]
        at = found.end()
    return b"".join([*parts, word[at:].encode()]).decode(errors="backslashreplace")


@contextmanager
def own_addresses() -> Iterator[set[str]]:
    """The addresses of the connections by which this process sends inside the block.

    Those by which only observers look are left out. For as long as the block runs, redis-py's
    sending is wrapped: a connection may be gone before anybody could ask who had it.
    """
    seen: set[str] = set()
    send: Any = AbstractConnection.send_packed_command

    def note(self: Any, *args: Any, **kwargs: Any) -> Any:
        sent = send(self, *args, **kwargs)
        if threading.current_thread().name not in OBSERVERS:
            seen.add(_address(self._sock))
        return sent

    AbstractConnection.send_packed_command = note  # type: ignore[method-assign]
    try:
        yield seen
    finally:
        AbstractConnection.send_packed_command = send  # type: ignore[method-assign]


def addresses_of(pids: Iterable[int]) -> set[str]:
    """The addresses of the connections that these processes of this machine have open now."""
    import psutil  # here: it comes with the extra ``lab``

    found: set[str] = set()
    for pid in pids:
        with suppress(psutil.Error):
            for connection in psutil.Process(pid).net_connections("tcp"):
                if connection.raddr:
                    found.add(_join(*connection.laddr))
    return found


def _address(socket: Any) -> str:
    try:
        name = socket.getsockname()
        return _join(*name[:2]) if isinstance(name, tuple) else f"unix:{socket.getpeername()}"
    except (AttributeError, OSError):  # closed already
        return ""


def _join(host: str, port: int) -> str:
    host = host.removeprefix("::ffff:")  # IPv4, by way of an IPv6 socket
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
