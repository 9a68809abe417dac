"""``%%redis_trace``: the Redis commands that a cell caused, its own and its workers', in order.

Left out, and counted, are those by which a connection is opened and those that a worker sends
whether or not there is work; not what another program or a board on the page sends meanwhile.
"""

from __future__ import annotations

import ast
import hashlib
import re
import socket
import time
from contextlib import closing
from functools import cache
from typing import TYPE_CHECKING, Any

import redis.exceptions

from labkit.errors import LabkitError
from labkit.ledger import connection, following, keys
from labkit.ledger.reader import Ledger
from labkit.ledger.records import JobState
from labkit.redis_client import client_of, redis_errors
from labkit.redis_monitor import SCRIPT, Command, Monitor, addresses_of, own_addresses

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

#: Seconds that are waited, once the cell is done, for the jobs that it sent.
PATIENCE = 5.0
#: Commands that are listed.
MOST = 200
#: By these a connection is opened.
_HANDSHAKE = ("AUTH", "HELLO", "SELECT", "CLIENT SETINFO", "CLIENT SETNAME")
#: By these, and by scripts, a worker without work looks whether there is some, and shows its life.
_UPKEEP = ("BLMOVE", "CLIENT LIST", "PING", "SCRIPT LOAD")
_WIDEST = 100

#: What a key of the layout in ``keys`` holds; of those that match, the first counts.
_KEYS = (
    (r":__ledger__\.jobs$", "the record of each job"),
    (r":__ledger__\.events$", "the changes of state"),
    (r":__ledger__\.minute\.\d+$", "what happened in one minute, counted"),
    (r":__ledger__\.workers$", "what each worker is"),
    (r":__ledger__\.quiet$", "workers that take no more jobs"),
    (r":__ledger__\.queues$", "the names of the queues"),
    (r":__ledger__\.recovered$", "deliveries of workers that died"),
    (r":__ledger__\.due\.(.*)$", r"jobs of \1 that wait for their time"),
    (r":__ledger__\.(\w+)$", r"the jobs that are \1"),
    (r":__acks__\.[^.]*\.(.*)$", r"what one worker holds of \1"),
    (r":__heartbeats__$", "when each worker last gave a sign of life"),
    (r":([^:]*)\.XQ(\.msgs)?$", r"dead letters of \1"),
    (r":([^:]*)\.DQ\.msgs$", r"delayed messages of \1"),
    (r":([^:]*)\.DQ$", r"ids of delayed jobs of \1"),
    (r":([^:]*)\.msgs$", r"messages of the queue \1"),
    (r":([^:]*)$", r"ids of the queue \1"),
)


def redis_trace(line: str, cell: str) -> Any:
    """``%%redis_trace [SECONDS]`` runs the cell, and lists the Redis commands that it caused.

    The jobs that it sends are waited for, at most 5 seconds or as many as are given, if a worker
    runs; so what the worker did for them is listed as well.

    Raises:
      LabkitError: SECONDS is no number.
      RedisUnavailable, RedisRefused: Redis is away, or does not permit MONITOR.
    """
    from labkit.course.lab import open_throwaway
    from labkit.redis_server import find
    from labkit.settings import Settings

    patience = _seconds(line)
    server = open_throwaway()
    url = server.url if server else find().url
    with closing(client_of(url)) as client:
        ledger = Ledger(client=client, namespace=Settings().namespace)
        before, pids, workers = following.position(ledger), _workers(ledger), set[str]()
        with Monitor(url, lambda _: workers.update(addresses_of(pids))) as monitor:
            own: set[str] = set()
            try:
                with own_addresses() as own:
                    return _run(cell)
            finally:
                # A cell may start a worker, too.
                pids = _workers(ledger) or pids
                ids = _wait_for_jobs(ledger, before, patience if pids else 0.0)
                workers |= addresses_of(pids)
                monitor.stop()
                _show(monitor, own, workers - own, ids, ledger)


def _seconds(line: str) -> float:
    try:
        return float(line) if line.strip() else PATIENCE
    except ValueError:
        raise LabkitError(
            f"%%redis_trace {line}: what may follow is the number of seconds to wait for jobs."
        ) from None


def _run(cell: str) -> Any:
    """Run a cell's text as the cell itself would, and return the value of its last line."""
    from IPython.core.getipython import get_ipython

    shell: Any = get_ipython()
    tree = shell.transform_ast(shell.compile.ast_parse(shell.transform_cell(cell)))
    last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
    exec(shell.compile(tree, "<cell>", "exec"), shell.user_ns)  # noqa: S102  # nosec B102
    if last is None:
        return None
    return eval(shell.compile(ast.Expression(last.value), "<cell>", "eval"), shell.user_ns)  # noqa: S307  # nosec B307


def _workers(ledger: Ledger) -> list[int]:
    """The processes of this machine that work on the ledger's jobs."""
    from labkit.worker import started

    here = socket.gethostname()
    cards = {card.pid for card in ledger.workers() if card.host == here}
    return sorted(cards.union(*(worker.pids() for worker in started())))


def _wait_for_jobs(ledger: Ledger, before: str, patience: float) -> set[str]:
    """The ids of the jobs that changed since; they are over then, or wait for a time."""
    deadline = time.monotonic() + patience
    states: dict[str, JobState | None] = {}
    while True:
        for event in ledger.events(after=before, block=1):
            before = event.id
            states[event.job_id] = event.state
        moving = {JobState.ENQUEUED, JobState.RUNNING} & set(states.values())
        if not moving or time.monotonic() > deadline:
            return states.keys() - {""}
        time.sleep(0.02)


# -- what is said of it --------------------------------------------------------------------------


def _show(
    monitor: Monitor, own: set[str], workers: set[str], ids: set[str], ledger: Ledger
) -> None:
    from labkit.course import show

    listed: list[tuple[str, Command]] = []
    left_out = monitor.missed
    for who, block in _blocks(monitor.commands, own, workers):
        if _is_upkeep(block, who, ids, ledger.namespace):
            left_out += 1
            continue
        listed += [(who if command is block[0] else "", command) for command in block]
    more = f", and {len(listed) - MOST} more" if len(listed) > MOST else ""
    left = f" Left out: {left_out} that open a connection, or that an idle worker sends."
    head = f"{len(listed)} Redis commands of this cell and its workers{more}."
    head += left if left_out else ""
    listed = listed[:MOST]
    words = _describe([command for _, command in listed], ledger)
    hidden = _secrets(ledger, ids & _mentioned(command for _, command in listed))
    start = listed[0][1].at if listed else 0.0
    rows = [
        (
            who or "↳ script",
            f"{(command.at - start) * 1000:.1f} ms",
            _text(command.words, hidden),
            what,
        )
        for (who, command), what in zip(listed, words, strict=True)
    ]
    text = [f"{who:<8} {after:>9}  {call}\n{'':20}{what}" for who, after, call, what in rows]
    cells = [
        (who, after, f"`{call.replace('`', chr(39))}`", what) for who, after, call, what in rows
    ]
    table = show.table(("Who", "After", "Command", "What it does"), cells, {})
    show.show("\n".join([head, *text]), f"<p>{show.inline(head)}</p>{table if rows else ''}")


def _blocks(
    commands: Sequence[Command], own: set[str], workers: set[str]
) -> Iterable[tuple[str, list[Command]]]:
    """Who sent it, and a command with those that its script ran behind it."""
    blocks: list[tuple[str, list[Command]]] = []
    for command in commands:
        if command.sender == SCRIPT and blocks:
            blocks[-1][1].append(command)
        else:
            sender = command.sender
            who = "cell" if sender in own else "worker" if sender in workers else ""
            blocks.append((who, [command]))
    return [block for block in blocks if block[0]]


def _is_upkeep(block: list[Command], who: str, ids: set[str], namespace: str) -> bool:
    names, words = _names(block[0]), block[0].words
    if who == "cell" or names & set(_HANDSHAKE):
        return bool(names & set(_HANDSHAKE))
    is_script = words[0].upper() == "EVALSHA" and words[3:4] == (namespace,)
    return bool(names & set(_UPKEEP) or is_script) and not ids & _mentioned(block)


def _mentioned(commands: Iterable[Command]) -> set[str]:
    """The words between blanks, quotes and ``#``, of which a delivery's and a message's consist."""
    return {
        part
        for command in commands
        for word in command.words
        for part in re.split(r'[\s"#]+', word)
    }


def _names(command: Command) -> set[str]:
    upper = [word.upper() for word in command.words[:2]]
    return {upper[0], " ".join(upper)}


def _describe(commands: Sequence[Command], ledger: Ledger) -> list[str]:
    docs = _docs(ledger, {name.replace(" ", "|") for one in commands for name in _names(one)})
    return [_sentence(command, docs, ledger.namespace) for command in commands]


def _sentence(command: Command, docs: dict[str, str], namespace: str) -> str:
    name, *words = command.words
    if name.upper() == "EVALSHA" and words:
        return _scripts().get(words[0], "Runs a script that the server keeps.")
    said = next(
        (
            docs[known]
            for known in ("|".join(command.words[:2]).upper(), name.upper())
            if known in docs
        ),
        f"See the page of {name.upper()} in Redis's manual",
    ).rstrip(".")
    for word in words[:1]:
        for pattern, meaning in _KEYS:
            if found := re.search(rf"^{re.escape(namespace)}{pattern}", word):
                return f"{said}: {found.expand(meaning)}."
    return f"{said}."


def _docs(ledger: Ledger, names: set[str]) -> dict[str, str]:
    """Redis's own first sentence about each command; a server before 7.0 has none."""
    if not names:
        return {}
    # Raw, because redis-py reads the answer to COMMAND in a way of its own.
    with redis_errors(ledger.client):
        wire = ledger.client.connection_pool.get_connection()
        try:
            wire.send_command("COMMAND", "DOCS", *sorted(names))
            reply = wire.read_response()
        except redis.exceptions.ResponseError:
            return {}
        finally:
            ledger.client.connection_pool.release(wire)
    found = {}
    for name, facts in zip(reply[::2], reply[1::2], strict=True):
        about = dict(zip(facts[::2], facts[1::2], strict=True))
        found[name.decode().upper()] = about[b"summary"].decode().split(". ")[0]
    return found


@cache
def _scripts() -> dict[str, str]:
    """Each of the ledger's scripts by its SHA-1: its file, and the first sentence in it."""
    found = {}
    for name in {*keys.SCRIPTS, *connection._SCRIPTS}:
        source = keys.script(name)
        digest = hashlib.sha1(source.encode(), usedforsecurity=False).hexdigest()
        own = source.split("local function run()\n", 1)[1]
        comment = re.match(r"(?:--.*\n)+", own)
        prose = re.sub(r"^-- ?", "", comment[0], flags=re.MULTILINE) if comment else ""
        first = re.split(r"(?<=\.)\s", " ".join(prose.split()), maxsplit=1)[0]
        found[digest] = f"Runs {name}.lua: {first}"
    return found


def _text(words: Sequence[str], hidden: Sequence[str]) -> str:
    from labkit.redact import mask, safe_text, shorten

    shown = []
    for word in words:
        word = re.sub(r"^([0-9a-f]{7})[0-9a-f]{33}$", r"\1…", word)  # a script's SHA-1
        word = shorten(mask(word, hidden), 60)
        shown.append(word if word and not re.search(r"\s", word) else f'"{word}"')
    return safe_text(shorten(" ".join(shown), _WIDEST)).replace("\n", " ")


def _secrets(ledger: Ledger, ids: Iterable[str]) -> list[str]:
    from labkit.redact import secrets_of
    from labkit.widgets.present import names_of_arguments

    return [
        secret
        for job in map(ledger.job, ids)
        if job
        for secret in secrets_of(job.args, job.kwargs, names_of_arguments(job.actor))
    ]
