"""The check of chapter 08: three applications on one Redis, and who is left after a clearing."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import redis

from labkit.actors import actor
from labkit.broker import LabBroker
from labkit.course.exercise import NotAttempted, Wrong
from labkit.redis_server import ThrowawayRedis

SHOP = {b"shop:basket:7", b"shop:sessions"}
NEIGHBOUR = "dramatiq-shop"
ELSEWHERE = b"wiki:page:1"


def check_clear(clear: Any) -> None:
    """Run the learner's function against a server with three applications on it."""
    if not callable(clear):
        raise Wrong("`clear` is not a function any more: define it with `def clear(url):`")
    with ThrowawayRedis() as server, redis.Redis(port=server.port, db=0) as elsewhere:
        client = server.client()
        _move_in(server.url, client, elsewhere)
        answer = _call(clear, server.url)
        keys = {bytes(key) for key in client.scan_iter()}
        if answer is ... and keys > SHOP:
            raise NotAttempted
        _judge(keys, bool(elsewhere.exists(ELSEWHERE)))


def _call(clear: Callable[[str], Any], url: str) -> Any:
    try:
        return clear(url)
    except redis.exceptions.ResponseError as error:
        raise Wrong(f"Redis refused a command: {error}") from None


def _move_in(url: str, client: redis.Redis, elsewhere: redis.Redis) -> None:
    """Jobs of two Dramatiq applications, keys of a shop, and a wiki in another database."""
    for namespace in ("dramatiq", NEIGHBOUR):
        broker = LabBroker(url=url, namespace=namespace, middleware=[])

        @actor(broker=broker, actor_name="greet")
        def greet() -> None: ...

        greet.send()
        greet.send_in(timedelta(hours=1))
    for key in SHOP:
        client.set(key, "1")
    elsewhere.set(ELSEWHERE, "1")


def _judge(keys: set[bytes], is_wiki_there: bool) -> None:
    ours = sorted(key.decode() for key in keys if key.startswith(b"dramatiq:"))
    # What a clearing leaves behind for those who watch is no job.
    ours = [key for key in ours if not key.endswith(".events")]
    if not is_wiki_there:
        raise Wrong(
            "the wiki in database 0 has lost its page: FLUSHALL empties the other databases of the "
            "server too"
        )
    if not keys >= SHOP:
        raise Wrong(
            "the shop's keys in the same database are gone too. FLUSHDB does not ask whose a key is"
        )
    if not any(key.startswith(NEIGHBOUR.encode()) for key in keys):
        raise Wrong(
            f"the keys of the other application also begin with `dramatiq`, and are gone: its "
            f"namespace is `{NEIGHBOUR}`. Where does a namespace end?"
        )
    if ours:
        raise Wrong(
            f"keys of this course are still there: {', '.join(ours[:3])}"
            f"{' and more' if len(ours) > 3 else ''}. A queue is more than its list"
        )


# Answers to try the check on: a second right one, and two mistakes.
BY_HAND = """\
def clear(url):
    client = redis.Redis.from_url(url)
    for key in client.scan_iter("dramatiq:*"):
        client.delete(key)
    client.close()
"""

QUEUE_ONLY = """\
def clear(url):
    with redis.Redis.from_url(url) as client:
        client.delete("dramatiq:default")
"""

TOO_SHORT = """\
def clear(url):
    with redis.Redis.from_url(url) as client:
        client.delete(*client.keys("dramatiq*"))
"""
