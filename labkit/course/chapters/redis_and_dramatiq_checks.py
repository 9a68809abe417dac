"""The checks of chapter 02: what a ``take`` does to a list, and who waits in a queue."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import redis

from labkit.course.exercise import NotAttempted, Wrong
from labkit.course.trial import trial
from labkit.redis_server import ThrowawayRedis

Take = Callable[[redis.Redis], Any]

LINE = "line"
#: Seconds after which a `take` that waits for an item is taken for one that waits for ever.
PATIENCE = 2.0
QUEUE = "dramatiq:default"


def check_take(take: Take) -> None:
    """The learner's ``take`` on a list of three, beside a rival, and on an empty list."""
    with ThrowawayRedis() as server:
        client = server.client(decode_responses=True, socket_timeout=PATIENCE)
        client.rpush(LINE, "first", "second", "third")
        _judge_one(take(client), client)
        _judge_rivals(take, server, client)
        client.delete(LINE)
        try:
            empty = take(client)
        except redis.TimeoutError:
            raise Wrong(
                "the line is empty, and `take` waits for somebody to put an item in, if need be "
                "for ever. It returns None there"
            ) from None
        if empty is not None:
            raise Wrong("from an empty line nothing can be taken: `take` returns None there")


def _judge_one(taken: Any, client: redis.Redis) -> None:
    left = client.lrange(LINE, 0, -1)
    if taken is ...:
        raise NotAttempted
    if taken is None and left == ["first", "second", "third"]:
        raise Wrong(
            "three items wait, and `take` returned None and took none of them. Does it ask for the "
            "list `line`, and return what it gets?"
        )
    if taken == "third":
        raise Wrong(
            "you took the newest. Whoever waits longest goes last then: that is a stack, and while "
            "new jobs keep coming, the oldest never runs"
        )
    if taken is None:
        raise Wrong(
            f"{3 - len(left)} of three items are gone from the list, and `take` returned None: "
            "`return` what you took, or it is lost"
        )
    if taken in ("first", ["first"]) and "first" in left:
        raise Wrong(
            "you looked at the oldest item and left it there, so the next worker gets it again: "
            "every job would run for ever"
        )
    if isinstance(taken, list | tuple) and "first" in taken:
        raise Wrong(
            f"`take` returned {taken!r}, and the item alone was asked for: BLPOP answers with the "
            "list's name and the item, and LPOP with a count answers with a list"
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


def check_waiting(waiting: Take) -> None:
    """What the learner's function lists of a queue of three, while a fourth job is in hand."""
    with trial() as queue:
        client = queue.ledger.client
        jobs = {name: queue.job(lambda *_: None, name) for name in ("brew", "serve")}
        jobs["brew"].send("held")
        consumer = queue.broker.consume("default", prefetch=1)
        try:
            if next(consumer) is None:  # a worker has it in its hands from here on
                raise AssertionError("no job came")
            jobs["brew"].send("tea", 2)
            jobs["serve"].send("tea")
            jobs["serve"].send("cake")
            # The one that came first goes to the end, as a job that was given back does.
            client.lmove(QUEUE, QUEUE, "LEFT", "RIGHT")
            _judge_waiting(waiting(client), client)
            client.delete(QUEUE)
            if (empty := waiting(client)) is None or list(empty) != []:
                raise Wrong(f"nobody waits any more, and `waiting` says {empty!r}, and not []")
        finally:
            consumer.close()


#: What waits in the check's queue, in the order in which workers would take it.
WAIT = [("serve", ["tea"]), ("serve", ["cake"]), ("brew", ["tea", 2])]


def _judge_waiting(listed: Any, client: redis.Redis) -> None:
    if client.llen(QUEUE) < len(WAIT):
        raise Wrong(
            "three jobs waited, and after you had looked, some were gone: a command that pops is "
            "no look. No worker will ever run what you took"
        )
    if listed is ...:
        raise NotAttempted
    if listed is None:
        raise Wrong("`waiting` returned None, and three jobs wait. Does it `return` its list?")
    if isinstance(listed, str) or not isinstance(listed, Iterable):
        raise Wrong(f"`waiting` returned {listed!r}, and a list of pairs was asked for")
    listed = list(listed)
    if listed and listed[0] in client.lrange(QUEUE, 0, -1):
        raise Wrong(
            f"the list begins with {listed[0]!r}. An entry of the queue’s list is the id of a "
            "delivery; under that id the hash has the message"
        )
    if not listed:
        raise Wrong(f"three jobs wait, and `waiting` finds none. The queue’s list is `{QUEUE}`")
    try:
        pairs = [(actor, list(arguments)) for actor, arguments in listed]
    except (TypeError, ValueError):
        raise Wrong(
            f"the list begins with {listed[0]!r}. Each entry was to be a pair: the actor’s name "
            "and its arguments"
        ) from None
    if ("brew", ["held"]) in pairs:
        raise Wrong(
            "you list a job that a worker has in its hands: its message stays in the hash until it "
            "is done. Who waits, and in which order, only the list knows"
        )
    if pairs == WAIT:
        return
    if sorted(pairs) == sorted(WAIT):
        raise Wrong(f"these are the three that wait, and not in their order. Oldest first: {WAIT}")
    if all(pair in WAIT for pair in pairs):
        raise Wrong(f"three jobs wait, and you list {len(pairs)}. LRANGE includes its last place")
    raise Wrong(f"`waiting` says {listed}, and this is who waits: {WAIT}")


WAITING_STUB = "def waiting(client):\n    return ..."

WAITING = """\
def waiting(client):
    ids = client.lrange("dramatiq:default", 0, -1)
    found = [json.loads(client.hget("dramatiq:default.msgs", id)) for id in ids]
    return [(message["actor_name"], message["args"]) for message in found]
"""

WAITING_OTHERWISE = """\
from dramatiq import Message


def waiting(client):
    jobs = []
    for place in range(client.llen("dramatiq:default")):
        name = client.lindex("dramatiq:default", place)
        message = Message.decode(client.hget("dramatiq:default.msgs", name))
        jobs.append((message.actor_name, message.args))
    return jobs
"""

ALL_MESSAGES = """\
def waiting(client):
    found = [json.loads(data) for data in client.hvals("dramatiq:default.msgs")]
    return [(message["actor_name"], message["args"]) for message in found]
"""

POPPED = """\
def waiting(client):
    jobs = []
    while id := client.lpop("dramatiq:default"):
        message = json.loads(client.hget("dramatiq:default.msgs", id))
        jobs.append((message["actor_name"], message["args"]))
    return jobs
"""

IDS = """\
def waiting(client):
    return client.lrange("dramatiq:default", 0, -1)
"""

FIRST_TWO = """\
def waiting(client):
    ids = client.lrange("dramatiq:default", 0, 1)
    found = [json.loads(client.hget("dramatiq:default.msgs", id)) for id in ids]
    return [(message["actor_name"], message["args"]) for message in found]
"""

MESSAGES = """\
def waiting(client):
    ids = client.lrange("dramatiq:default", 0, -1)
    return [json.loads(client.hget("dramatiq:default.msgs", id)) for id in ids]
"""

OTHER_KEY = """\
def waiting(client):
    ids = client.lrange("default", 0, -1)
    return [json.loads(client.hget("default.msgs", id)) for id in ids]
"""

NO_RETURN = """\
def waiting(client):
    ids = client.lrange("dramatiq:default", 0, -1)
    [json.loads(client.hget("dramatiq:default.msgs", id)) for id in ids]
"""
