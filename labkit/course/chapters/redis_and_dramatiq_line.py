"""Chapter 02's last exercise: a line that loses nothing, tried by workers that are killed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import redis

from labkit.course.exercise import NotAttempted, Wrong
from labkit.redis_server import ThrowawayRedis

#: More commands than any way of doing it needs for three items.
MOST_COMMANDS = 12


class _Killed(Exception):
    """What a worker meets in the middle of a method."""


class _Mortal(redis.Redis):
    """A client whose process is killed before its next command, once it has run ``commands``."""

    def __init__(self, url: str, commands: int) -> None:
        pool = redis.ConnectionPool.from_url(url, decode_responses=True)
        super().__init__(connection_pool=pool)
        self._left = commands

    def execute_command(self, *args: Any, **options: Any) -> Any:
        if self._left == 0:
            raise _Killed
        self._left -= 1
        return super().execute_command(*args, **options)  # type: ignore[no-untyped-call]


def check_line(line_class: Callable[[redis.Redis], Any]) -> None:
    """What a ``Line`` hands out, keeps and gives back, whoever is killed when."""
    with ThrowawayRedis() as server:
        client = server.client(decode_responses=True)

        @contextmanager
        def filled(*items: str) -> Iterator[Any]:
            client.flushdb()
            line = line_class(client)
            for item in items:
                line.put(item)
            yield line

        with filled("tea", "cake") as line:
            _judge_order(line)
        with filled("tea", "cake", "milk") as line:
            _judge_death(line)
        with filled("tea", "tea", "cake") as line:
            _judge_done(line)
        with filled("tea", "cake", "milk") as line:
            _judge_done_first(line)
        for commands in range(MOST_COMMANDS):
            with filled("tea", "cake", "milk") as line:
                _judge_killed(line, line_class(_Mortal(server.url, commands)), commands)


def _judge_order(line: Any) -> None:
    first = line.take()
    if first is ...:
        raise NotAttempted
    if first != "tea":
        raise Wrong(f"tea was put into the line first, and then cake; `take` returned {first!r}")
    second, none = line.take(), line.take()
    if (second, none) != ("cake", None):
        raise Wrong(
            f"of tea and cake, `take` returned tea, {second!r}, and {none!r} from the empty line"
        )


def _judge_death(line: Any) -> None:
    held = [line.take(), line.take()]
    line.give_back()
    left = _take_all(line)
    if left == ["milk"]:
        raise Wrong(
            "a worker took tea and cake and was killed. `give_back` brought nothing back: they had "
            "been in that worker's memory alone. Where does an item stay until it is done?"
        )
    if sorted(left) == ["cake", "milk", "tea"] and left[0] == "milk":
        raise Wrong(
            "tea and cake came back, and behind milk, which was put in after them. What was "
            "given back had waited longest: it is next"
        )
    if left != ["tea", "cake", "milk"]:
        raise Wrong(
            f"a worker took {held[0]} and {held[1]} and was killed. After `give_back` the line was "
            f"{', '.join(map(str, left))}, and should be tea, cake, milk"
        )


def _judge_done(line: Any) -> None:
    line.take(), line.take()
    line.done("tea")
    line.give_back()
    left = _take_all(line)
    if left == ["tea", "tea", "cake"]:
        raise Wrong(
            "an item was done, and `give_back` put it into the line again: it would run a second "
            "time. What is done is not held any more"
        )
    if left == ["cake"]:
        raise Wrong(
            "two workers held a tea each, and one of them was done. Then neither was held: the "
            "other worker's tea is lost if it is killed now"
        )
    if left != ["tea", "cake"]:
        raise Wrong(f"of tea, tea and cake, one tea was done; what came back was {left}")


def _judge_done_first(line: Any) -> None:
    """Who took later may be done sooner."""
    line.take(), line.take()
    line.done("cake")
    line.give_back()
    left = _take_all(line)
    if left != ["tea", "milk"]:
        raise Wrong(
            "one worker took tea and another cake, and the cake was done first. What came back was "
            f"{', '.join(left)}, and should be tea, milk: `done` names the item that it means"
        )


def _judge_killed(line: Any, mortal: Any, commands: int) -> None:
    """Kill a worker after its first so many commands; nothing may be missing then."""
    took = None
    try:
        took = mortal.take()
        mortal.give_back()
    except _Killed:
        pass
    where = "`take`" if took is None else "`give_back`"
    for _ in range(2):  # what a killed worker began, the next one ends
        line.give_back()
    left = _take_all(line)
    if missing := {"tea", "cake", "milk"} - set(left):
        raise Wrong(
            f"a worker was killed in the middle of {where}, after its command number {commands}. "
            f"Now {' and '.join(sorted(missing))} is nowhere: between two commands an item was in "
            "no list. Move it in one command"
        )
    if len(left) > len(set(left)):
        raise Wrong(
            f"a worker was killed in the middle of {where}, after its command number {commands}. "
            f"Now the line holds {', '.join(left)}: one item twice. Move it in one command"
        )


def _take_all(line: Any) -> list[Any]:
    items: list[Any] = []
    while (item := line.take()) is not None and len(items) < MOST_COMMANDS:
        items.append(item)
    return items


STUB = """\
class Line:
    def __init__(self, client):
        self.client = client

    def put(self, item):
        self.client.rpush("line", item)

    def take(self):
        return ...

    def done(self, item):
        return ...

    def give_back(self):
        return ..."""


def _line(take: str, done: str, give_back: str) -> str:
    head = STUB.partition("    def take")[0]
    methods = {"take(self)": take, "done(self, item)": done, "give_back(self)": give_back}
    return head + "\n".join(
        f"    def {name}:\n" + "".join(f"        {line}\n" for line in body.splitlines())
        for name, body in methods.items()
    )


_TAKE = 'return self.client.lmove("line", "held", "LEFT", "RIGHT")'
_DONE = 'self.client.lrem("held", 1, item)'
_BACK = 'while self.client.lmove("held", "line", "RIGHT", "LEFT"):\n    pass'

SOLUTION = _line(_TAKE, _DONE, _BACK)

OTHERWISE = _line(
    "return self.client.eval(\n    \"return redis.call('LMOVE', KEYS[1], KEYS[2], 'LEFT', "
    '\'LEFT\')", 2, "line", "held"\n)',
    'with self.client.pipeline() as commands:\n    commands.lrem("held", -1, item).execute()',
    'for _ in range(self.client.llen("held")):\n'
    '    self.client.lmove("held", "line", "LEFT", "LEFT")',
)

IN_MEMORY = _line('return self.client.lpop("line")', "pass", "pass")

TWO_COMMANDS = _line(
    'item = self.client.lpop("line")\nif item is not None:\n'
    '    self.client.rpush("held", item)\nreturn item',
    _DONE,
    _BACK,
)

NEVER_DONE = _line(_TAKE, "pass", _BACK)

OLDEST_DONE = _line(_TAKE, 'self.client.lpop("held")', _BACK)

ALL_DONE = _line(_TAKE, 'self.client.delete("held")', _BACK)

TO_THE_END = _line(
    _TAKE, _DONE, 'while self.client.lmove("held", "line", "LEFT", "RIGHT"):\n    pass'
)
