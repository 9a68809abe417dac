"""The checks of chapter 11: each tries the answer on servers that really refuse, die, or stop."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import redis
from dramatiq import Message

from labkit.broker import LabBroker
from labkit.course.chapters.beyond_one_machine_parts import Pair, close, replicated
from labkit.course.exercise import NotAttempted, Wrong
from labkit.errors import (
    ArgumentNotJSON,
    ConfigurationError,
    LabkitError,
    RedisRefused,
    RedisUnavailable,
)
from labkit.ledger.reader import Ledger
from labkit.redis_client import client_of
from labkit.redis_process import HOST
from labkit.redis_throwaway import ThrowawayRedis

PASSWORD, DATABASE = "p@ss:w/rd#7", 3
#: Seconds that a learner's function may take longer than it was told to.
LENIENCE = 2.5
#: And for `certain`, which asks a server that may be slow.
SURE_WITHIN = 6.0


def _message() -> Message[Any]:
    return Message("default", "pack", (1,), {}, {})


# -- address ---------------------------------------------------------------------------------------


def check_address(address: Any) -> None:
    """Send a job to a Redis with a user and a password by this address, and look where it is."""
    if not callable(address):
        raise Wrong("`address` is not a function any more: define it with `def`")
    with ThrowawayRedis(password=True, db=DATABASE) as server:
        admin = server.client()
        for user, password in (("ann", PASSWORD), ("ben", "simple")):
            rules = ("on", f">{password}", "~*", "&*", "+@all")
            admin.execute_command("ACL", "SETUSER", user, *rules)
        given = address("ann", PASSWORD, HOST, server.port, DATABASE)
        if given is ...:
            raise NotAttempted
        if not isinstance(given, str):
            raise Wrong(f"it returns a {type(given).__name__}, and an address is a text")
        _send_to(given, server)
        other = address("ben", "simple", HOST, server.port, DATABASE + 1)
        if other == given:
            raise Wrong("whatever it is given, it returns the same address")
        _send_to(other, server, DATABASE + 1)


def _send_to(url: str, server: ThrowawayRedis, database: int = DATABASE) -> None:
    try:
        broker = LabBroker(url=url, namespace="shop", middleware=[])
        try:
            broker.enqueue(_message())
        finally:
            broker.client.close()
    except RedisRefused as error:
        if "ann" not in url and "ben" not in url:
            raise Wrong(
                "Redis refuses it, for the address names no user: it is then taken for the "
                "default user, whose password is another"
            ) from None
        raise Wrong(f"Redis refuses it: {error}") from None
    except (ConfigurationError, RedisUnavailable, ValueError):
        if "%40" in url and "/rd" in url:
            raise Wrong(
                "the `/` of the password ends the name of the server. `quote` leaves it alone "
                "unless it is told that nothing is safe"
            ) from None
        raise Wrong(
            "it leads nowhere. A password may hold characters that mean something in an address, "
            "such as `@`, `:`, `/` and `#`, and these have to be written otherwise"
        ) from None
    found = [each for each in range(16) if _has_job(server, each, "shop:default")]
    server.client().flushall()
    if found != [database]:
        raise Wrong(
            f"the job is in database {found[0]}, and the workers look into database {database}: "
            "it would wait there for ever, and nobody would see an error"
        )


def _has_job(server: ThrowawayRedis, database: int, queue: str) -> bool:
    with redis.Redis(host=HOST, port=server.port, password=server.password, db=database) as client:
        return bool(client.exists(queue))


# -- insist ----------------------------------------------------------------------------------------


class _EnoughError(BaseException):
    """The learner's loop would go on for ever: no `except Exception` of theirs sees it."""


class _Sender:
    """What the learner calls: sends for real, counts, and stops whoever never stops."""

    def __init__(self, send: Callable[[], Any], longest: float) -> None:
        self._send, self._end = send, time.monotonic() + longest
        self.at: list[float] = []

    def __call__(self) -> Any:
        self.at.append(time.monotonic())
        if self.at[-1] > self._end:
            raise _EnoughError
        return self._send()


def check_insist(insist: Any) -> None:
    """Let Redis be away for a while, or for good, or let the message be the fault."""
    if not callable(insist):
        raise Wrong("`insist` is not a function any more: define it with `def`")
    with ThrowawayRedis(persist=True) as server:
        broker, message = LabBroker(url=server.url, middleware=[]), _message()
        server.kill()

        def send() -> Message[Any]:
            if len(sender.at) == 4:
                server.restart()
            return broker.enqueue(message)

        sender = _Sender(send, 10)
        _judge_away(insist, sender, message, Ledger(server.url))
        _judge_senseless(insist, broker)
        server.kill()
        _judge_gone(insist, _Sender(lambda: broker.enqueue(_message()), 0.6 + LENIENCE))
        broker.client.close()


def _judge_away(
    insist: Callable[..., Any], sender: _Sender, message: Message[Any], ledger: Ledger
) -> None:
    try:
        returned = insist(sender, 10)
    except RedisUnavailable:
        raise Wrong(
            f"Redis was back at the fourth attempt, and well within the ten seconds, but it gave "
            f"up after {len(sender.at)}"
        ) from None
    if not sender.at:
        if returned is ...:
            raise NotAttempted
        raise Wrong("it never calls `send()`")
    if ledger.job(message.message_id) is None:
        raise Wrong("Redis was back at the fourth attempt, and the job is not there")
    if returned != message and getattr(returned, "message_id", None) != message.message_id:
        raise Wrong("the job was sent, and what `send()` returned got lost: the message is wanted")
    gaps = [after - before for before, after in zip(sender.at, sender.at[1:], strict=False)]
    if min(gaps) < 0.01:
        raise Wrong(
            "it asks again at once, hundreds of times a second. A thousand processes that do so "
            "are what a Redis meets that is just coming back"
        )


def _judge_senseless(insist: Callable[..., Any], broker: LabBroker) -> None:
    """An argument that no message can carry is refused each time."""
    senseless: Message[Any] = Message("default", "pack", (object(),), {}, {})
    sender = _Sender(lambda: broker.enqueue(senseless), 0.6 + LENIENCE)
    try:
        insist(sender, 0.6)
    except ArgumentNotJSON:
        if len(sender.at) == 1:
            return
    except (_EnoughError, LabkitError):
        pass  # it is told below
    raise Wrong(
        f"an argument that no message can carry was sent {len(sender.at)} times, and each time "
        "refused, by labkit and not by Redis. Which one error says that waiting may help?"
    )


def _judge_gone(insist: Callable[..., Any], sender: _Sender) -> None:
    began = time.monotonic()
    try:
        insist(sender, 0.6)
    except _EnoughError:
        raise Wrong(
            "Redis stayed away, and it goes on trying long after its time is over"
        ) from None
    except LabkitError:
        if time.monotonic() - began < 0.3:
            raise Wrong("Redis stayed away, and it did not try for as long as it may") from None
        return
    raise Wrong(
        "Redis stayed away, and it ended without an error: whoever called it believes that the "
        "job is sent"
    )


# -- certain ---------------------------------------------------------------------------------------


def check_certain(certain: Any) -> None:
    """Send by it with a replica that follows, with none, and with one that does not listen."""
    if not callable(certain):
        raise Wrong("`certain` is not a function any more: define it with `def`")
    try:
        pair = replicated("check")
        _judge_followed(certain, pair)
        pair = replicated("check")
        pair.replica.kill()
        _judge_alone(certain, pair)
        pair = replicated("check")
        pair.freeze()
        if _ask(certain, pair, _message()):
            raise Wrong(
                "the replica was connected, and stopped: it had not read the job, and the answer "
                "was True. That a line is open does not say what has come through it"
            )
    finally:
        close("check")


def _ask(certain: Callable[..., Any], pair: Pair, message: Message[Any]) -> Any:
    client = client_of(pair.master.url, timeout=2.0)
    broker = LabBroker(client=client, middleware=[])
    began = time.monotonic()
    try:
        answer = certain(broker, message)
    except redis.TimeoutError:
        raise Wrong("no replica answered, and it waited for one without an end") from None
    except RedisUnavailable as error:
        raise Wrong(
            "where it cannot be sure the answer is False, and here an error got out: "
            f"{str(error).partition(':')[0]}"
        ) from None
    finally:
        client.close()
    if answer is ...:
        raise NotAttempted
    if answer is None:
        raise Wrong("it returned None, and True or False was asked for")
    if time.monotonic() - began > SURE_WITHIN:
        raise Wrong("it took far longer than a second to find out")
    return answer


def _judge_followed(certain: Callable[..., Any], pair: Pair) -> None:
    message = _message()
    answer = _ask(certain, pair, message)
    pair.master.kill()
    pair.promote()
    ledger = Ledger(pair.replica.url)
    there = ledger.job(message.message_id) is not None
    ledger.client.close()
    if answer and not there:
        raise Wrong("it said True, the master died, and no server knows the job: was it sent?")
    if not answer:
        raise Wrong("the replica was there and had the job, and the answer was not True")


def _judge_alone(certain: Callable[..., Any], pair: Pair) -> None:
    plain = _reads(pair, lambda broker, message: broker.enqueue(message))[1]
    answer, reads = _reads(pair, certain)
    if not answer:
        return
    if reads > plain:
        raise Wrong(
            "the replica was dead, and the answer was True. You have read the job back from the "
            "very server that may die: of course it is there"
        )
    raise Wrong(
        "the replica was dead, and the answer was True. That Redis has accepted a job says only "
        "that this one server has it"
    )


def _reads(pair: Pair, send: Callable[..., Any]) -> tuple[Any, int]:
    """What it answered, and how often a record was read meanwhile, also by a script."""

    def count() -> int:
        found: dict[str, Any] = client.info("commandstats")
        return int(found.get("cmdstat_hget", {}).get("calls", 0))

    client = pair.master.client()
    before = count()
    return _ask(send, pair, _message()), count() - before
