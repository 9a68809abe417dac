"""What ``%load_ext labkit`` brings: Redis, tables, short errors and magics."""

from __future__ import annotations

from typing import Any

from labkit import cell_order
from labkit.errors import RedisRefused
from labkit.redis_trace import redis_trace

READY = "labkit is ready: Redis answers, and the database has its tables."


def load(shell: Any) -> None:
    """Make a notebook ready, and say so in one line; safe to repeat.

    Raises:
      RedisUnavailable, RedisRefused, DatabaseNotReady, ConfigurationError: with what to do.
    """
    # First of all, so that an error of what follows is one line too.
    cell_order.load_ipython_extension(shell)
    shell.register_magic_function(redis, "line", "redis")
    shell.register_magic_function(redis_trace, "cell", "redis_trace")
    shell.register_magic_function(work, "line_cell", "work")
    _allow_another_load(shell)

    from labkit.database import create_tables
    from labkit.redis_server import find

    find()
    create_tables()
    from labkit.course.show import print_line

    print_line(READY)


def redis(line: str) -> None:
    """``%redis COMMAND …`` asks the course's Redis, and prints the answer as redis-cli would.

    ``-n DB`` in front of the command chooses another database number. While a ``throwaway_redis()``
    is open, that one is asked. What destroys data is run on labkit's own Redis after a yes, and on
    no other.
    """
    from labkit.course.lab import open_throwaway
    from labkit.course.show import print_line
    from labkit.redis_console import ask

    server = open_throwaway()
    print_line(ask(line, server.url if server else None, _confirm))


def _confirm(question: str) -> bool:
    try:
        answer = input(f"{question} Type yes to go on: ")
    except (EOFError, RuntimeError):  # nbval, nbclient and some front ends have no place to type
        raise RedisRefused(
            f"{question} Nobody is there to say yes, so it was not run. Ledger().clear() removes "
            "the course's own keys, and on a throwaway_redis() everything is allowed."
        ) from None
    return answer.strip().lower() in ("y", "yes")


def work(line: str, cell: str | None = None) -> None:
    """``%work NAME`` prints a file of the learner's ``work/``; ``%%work NAME`` saves one."""
    from labkit.course.work import show, write

    if cell is None:
        show(line)
    else:
        write(line.strip(), cell)


def _allow_another_load(shell: Any) -> None:
    # IPython answers a second %load_ext with "already loaded" and does nothing; a chapter that is
    # run again should look after its Redis again, and print the same line.
    def forget(*_: Any) -> None:
        shell.extension_manager.loaded.discard("labkit")
        shell.events.unregister("post_run_cell", forget)

    shell.events.register("post_run_cell", forget)
