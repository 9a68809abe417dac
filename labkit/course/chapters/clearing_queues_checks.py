"""Three applications on one Redis, for chapter 08 to clear; and the check of its exercise."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import redis

from labkit.actors import actor
from labkit.broker import LabBroker
from labkit.course.exercise import NotAttempted, Wrong
from labkit.redis_server import ThrowawayRedis

SHOP = {b"shop:basket:7": b"milk"}
NEIGHBOUR = "dramatiq-shop"
WIKI = b"wiki:page:1"
HOUR = 3_600_000


def move_in(server: ThrowawayRedis, *namespaces: str) -> None:
    """Fill a server: a wiki in its database 0; in its own a shop, and jobs in each namespace.

    The jobs of a namespace (``dramatiq`` if none is named) are two that wait, one that is
    scheduled, one that has failed and waits for its retry, and one dead letter.
    """
    with redis.Redis(port=server.port, db=0) as elsewhere:
        elsewhere.set(WIKI, "Welcome")
    server.client().mset({key.decode(): value for key, value in SHOP.items()})
    for namespace in namespaces or ("dramatiq",):
        _send_jobs(LabBroker(url=server.url, namespace=namespace, middleware=[]))


def _send_jobs(broker: LabBroker) -> None:
    @actor(broker=broker, actor_name="charge")
    def charge(customer: str) -> None: ...

    charge.send("Ada")
    consumer = broker.consume("default", timeout=50)
    try:
        while (failed := next(consumer)) is None:
            pass
        failed.fail()
        consumer.nack(failed)
    finally:
        consumer.close()
    broker.enqueue(charge.message_with_options(args=("Grace",), retries=1), delay=HOUR)
    broker.enqueue(charge.message("Barbara"), delay=HOUR)
    charge.send_many([("Edsger",), ("Donald",)])
    broker.close()


def check_clear(clear: Any) -> None:
    """Run the learner's function against a server with four applications on it."""
    if not callable(clear):
        raise Wrong("`clear` is not a function any more: define it with `def clear(url):`")
    with ThrowawayRedis() as server, redis.Redis(port=server.port, db=0) as elsewhere:
        move_in(server, "dramatiq", NEIGHBOUR)
        before = {bytes(key) for key in server.client().scan_iter()}
        answer = _call(clear, server.url)
        keys = {bytes(key) for key in server.client().scan_iter()}
        if answer is ... and b"dramatiq:default" in keys:
            raise NotAttempted
        if keys == before and elsewhere.exists(WIKI):
            raise Wrong(
                "every key is there as before. Did you call what clears, on the server of this "
                "`url`? A pattern with a star is one only for the commands that search"
            )
        _judge(keys, bool(elsewhere.exists(WIKI)))


def _call(clear: Callable[[str], Any], url: str) -> Any:
    try:
        return clear(url)
    except redis.exceptions.ResponseError as error:
        raise Wrong(f"Redis refused a command: {error}") from None


def _judge(keys: set[bytes], is_wiki_there: bool) -> None:
    ours = sorted(key.decode() for key in keys if key.startswith(b"dramatiq:"))
    # What a clearing leaves behind for those who watch is no job.
    ours = [key for key in ours if not key.endswith(".events")]
    if not is_wiki_there:
        raise Wrong(
            "the wiki in database 0 has lost its page: FLUSHALL empties the other databases of the "
            "server too"
        )
    if not keys >= set(SHOP):
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
    client = Redis.from_url(url)
    for key in client.scan_iter("dramatiq:*"):
        client.delete(key)
    client.close()
"""

QUEUE_ONLY = """\
def clear(url):
    with Redis.from_url(url) as client:
        client.delete("dramatiq:default")
"""

OTHER_SERVER = """\
def clear(url):
    return Ledger().clear()
"""

TOO_SHORT = """\
def clear(url):
    with Redis.from_url(url) as client:
        client.delete(*client.keys("dramatiq*"))
"""
