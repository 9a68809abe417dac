"""Any Redis command, answered as redis-cli answers; for machines that have no redis-cli.

``%redis`` and ``labkit redis`` are made of this. What destroys data is asked about on the server
that labkit has started for this course, refused on any other, and free on a throwaway one. The
password never shows, whatever is asked.
"""

from __future__ import annotations

import re
import shlex
from textwrap import shorten
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

import redis

from labkit.errors import LabkitError, RedisRefused
from labkit.redis_client import client_of, redis_errors
from labkit.redis_server import find

if TYPE_CHECKING:
    from collections.abc import Callable

    from labkit.redis_server import Found

#: Commands that remove whole keys, reach beyond one's own, stop the server, or run whatever they
#: are told to.
DESTRUCTIVE = {"FLUSHALL", "FLUSHDB", "DEL", "UNLINK", "SWAPDB", "RESTORE", "MIGRATE", "SHUTDOWN"}
DESTRUCTIVE |= {"EVAL", "EVALSHA", "FCALL", "FUNCTION", "SCRIPT", "MODULE", "DEBUG", "CLUSTER"}
DESTRUCTIVE |= {"CONFIG SET", "CONFIG REWRITE", "CONFIG RESETSTAT", "CLIENT KILL", "CLIENT PAUSE"}
DESTRUCTIVE |= {"ACL SETUSER", "ACL DELUSER", "ACL LOAD", "REPLICAOF", "SLAVEOF", "FAILOVER"}
#: Of these only the other forms destroy.
HARMLESS = {"SCRIPT EXISTS", "FUNCTION LIST", "FUNCTION STATS", "FUNCTION DUMP", "MODULE LIST"}
HARMLESS |= {"CLUSTER INFO", "DEBUG OBJECT"}
#: Commands that never come to an answer of their own.
ENDLESS = {"MONITOR", "SUBSCRIBE", "PSUBSCRIBE", "SSUBSCRIBE", "SYNC", "PSYNC"}
#: Their answers are text for people, and printed as it is.
PROSE = {"TYPE", "INFO", "CLIENT LIST", "CLIENT INFO", "LATENCY DOCTOR", "MEMORY DOCTOR", "LOLWUT"}


def ask(
    line: str, throwaway: str | None = None, confirm: Callable[[str], bool] | None = None
) -> str:
    """Run one command, such as ``LRANGE dramatiq:default 0 -1``, and return what to print.

    It goes to the Redis of ``Settings()``, or to ``throwaway``, the URL of a server on which
    everything is allowed. ``-n DB`` in front of the command chooses another database number.
    ``confirm`` puts a question to whoever is there; without it nobody is.

    Raises:
      LabkitError: the line is no command.
      RedisRefused: the command would destroy data, and the server is not labkit's own or the
        answer was not yes.
      RedisUnavailable: no Redis answers.
    """
    try:
        words = shlex.split(line)
        database = _take_database(words)
    except ValueError as error:
        raise LabkitError(f"This is no Redis command: {error}.") from None
    if not words:
        raise LabkitError("Say a Redis command, such as PING or KEYS *.")
    names = _names(words)
    if endless := names & ENDLESS:
        raise RedisRefused(f"{min(endless)} has no end; a cell would wait for it for ever.")
    found = None if throwaway else find()
    if found and (harm := names & DESTRUCTIVE) and not names & HARMLESS:
        _permit(max(harm, key=len), words, found, database, confirm)
    url = found.url if found else throwaway or ""
    client = client_of(url, size=1, timeout=10)
    with client, redis_errors(client):
        connection = client.connection_pool.get_connection()
        try:
            if database is not None:
                _tell(connection, "SELECT", database)
            reply = _tell(connection, *words)
        except redis.exceptions.ResponseError as error:
            reply = error
        finally:
            client.connection_pool.release(connection)
    return _without_password(render(reply, prose=bool(names & PROSE)), url)


def _tell(connection: Any, *words: str) -> Any:
    # Raw: a client would turn INFO into a dictionary and a score into a float.
    connection.send_command(*words)
    return connection.read_response()


def _take_database(words: list[str]) -> str | None:
    if words[:1] != ["-n"]:
        return None
    number = words[1:2]
    del words[:2]
    return number[0] if number else None


def _names(words: list[str]) -> set[str]:
    upper = [word.upper() for word in words[:2]]
    return {upper[0], " ".join(upper)}


def _permit(
    name: str,
    words: list[str],
    found: Found,
    database: str | None,
    confirm: Callable[[str], bool] | None,
) -> None:
    """Return only if ``words`` may destroy: on a server of labkit's own, and with a yes to it."""
    instead = (
        "Ledger().clear() removes the course's own keys, and on a throwaway_redis() everything is "
        "allowed."
    )
    if found.source != "private":
        raise RedisRefused(
            f"{name} is refused here: this Redis may hold more than this course. {instead}"
        )
    if confirm is None:
        raise RedisRefused(f"{name} is done only after a yes, and nobody can be asked. {instead}")
    # Keys are named, and not what else stands behind a command: that may be a password.
    what = " ".join([name, *words[1:]]) if name in ("DEL", "UNLINK") else name
    where = "this course's Redis" + (f", database {database}" if database else "")
    if not confirm(f"Really run {shorten(what, 60)} on {where}?"):
        raise RedisRefused(f"{name} was not run: the answer was no.")


def render(reply: Any, *, prose: bool = False, indent: str = "") -> str:
    """A reply in the form that redis-cli gives it at a terminal."""
    match reply:
        case None:
            return "(nil)"
        case int():
            return f"(integer) {reply}"
        case Exception():
            # redis-py takes the commonest code away, and leaves the others.
            code = "" if re.match(r"[A-Z]{3,} ", str(reply)) else "ERR "
            return f"(error) {code}{reply}"
        case b"OK" | b"PONG" | b"QUEUED":
            # Simple replies, which redis-cli shows bare; redis-py does not tell them from values.
            return str(reply, "ascii")
        case bytes() if prose:
            return reply.decode(errors="replace").replace("\r\n", "\n").rstrip("\n")
        case bytes():
            return _quote(reply)
        case list() if not reply:
            return "(empty array)"
        case list():
            width = len(str(len(reply)))
            deeper = indent + " " * (width + 2)
            lines = [
                f"{number:>{width}}) {render(item, prose=prose, indent=deeper)}"
                for number, item in enumerate(reply, 1)
            ]
            return f"\n{indent}".join(lines)
    return str(reply)


def _quote(value: bytes) -> str:
    special = {34: '\\"', 92: "\\\\", 10: "\\n", 13: "\\r", 9: "\\t", 7: "\\a", 8: "\\b"}
    shown = (special.get(c) or (chr(c) if 32 <= c < 127 else f"\\x{c:02x}") for c in value)
    return '"' + "".join(shown) + '"'


def _without_password(text: str, url: str) -> str:
    password = urlsplit(url).password
    for secret in {password, unquote(password)} if password else ():
        text = text.replace(secret, "***")
    return text
