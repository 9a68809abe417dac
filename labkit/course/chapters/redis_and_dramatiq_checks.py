"""The checks of chapter 02: what a ``take`` does to a list, alone and beside a rival."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import redis

from labkit.course.exercise import NotAttempted, Wrong
from labkit.redis_server import ThrowawayRedis

Take = Callable[[redis.Redis], Any]

LINE = "line"


def check_take(take: Take) -> None:
    """The learner's ``take`` on a list of three, beside a rival, and on an empty list."""
    with ThrowawayRedis() as server:
        client = server.client(decode_responses=True)
        client.rpush(LINE, "first", "second", "third")
        _judge_one(take(client), client)
        _judge_rivals(take, server, client)
        client.delete(LINE)
        if take(client) is not None:
            raise Wrong("from an empty line nothing can be taken: `take` returns None there")


def _judge_one(taken: Any, client: redis.Redis) -> None:
    left = client.lrange(LINE, 0, -1)
    if taken in (None, ...) and left == ["first", "second", "third"]:
        raise NotAttempted
    if taken == "third":
        raise Wrong(
            "you took the newest. Whoever waits longest goes last then: that is a stack, and while "
            "new jobs keep coming, the oldest never runs"
        )
    if taken == "first" and "first" in left:
        raise Wrong(
            "you looked at the oldest item and left it there, so the next worker gets it again: "
            "every job would run for ever"
        )
    if taken != "first" or left != ["second", "third"]:
        raise Wrong(
            f"of first, second, third, `take` returned {taken!r} and left {left}. It should return "
            "'first', and leave the others in their order"
        )


def _judge_rivals(take: Take, server: ThrowawayRedis, client: redis.Redis) -> None:
    """Let a second worker take in between the first one's commands, if there is more than one."""
    client.delete(LINE)
    client.rpush(LINE, "first", "second")
    rival = server.client(decode_responses=True)
    taken: list[Any] = []
    taken.append(take(_Interrupted(server.url, lambda: taken.append(take(rival)))))
    if taken.count("first") > 1:
        raise Wrong(
            "alone it works. But between your two commands another worker took the same item, and "
            "the job ran twice: look and remove in one command"
        )


class _Interrupted(redis.Redis):
    """A client that is slow: after its first command somebody else gets a turn."""

    def __init__(self, url: str, turn: Callable[[], None]) -> None:
        pool = redis.ConnectionPool.from_url(url, decode_responses=True)
        super().__init__(connection_pool=pool)
        self._turn: Callable[[], None] | None = turn

    def execute_command(self, *args: Any, **options: Any) -> Any:
        reply = super().execute_command(*args, **options)  # type: ignore[no-untyped-call]
        if (turn := self._turn) is not None:
            self._turn = None
            turn()
        return reply
