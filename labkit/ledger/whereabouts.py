"""Whereabouts: the Redis keys that hold one job right now, and why it does not run.

Both at one instant, and in words that somebody can check: each key comes with the very command that
shows it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from labkit.ledger.keys import delivery_name
from labkit.ledger.records import JobState, parse
from labkit.redis_client import redis_errors

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from labkit.ledger.connection import LedgerConnection
    from labkit.ledger.records import JobRecord
    from labkit.ledger.workers import WorkerCard

#: Places of a queue that are looked through for one job: a longer look would hold Redis up.
_DEEPEST = 10_000
#: Workers that are asked about, those that gave a sign last: stock Dramatiq forgets the dead late.
_MOST_WORKERS = 100
#: Milliseconds of silence after which a stock worker counts as gone (Dramatiq's own default), and
#: after which that is in doubt: one that lives gives a sign each second.
_SILENCE, _DOUBTFUL = 60_000, 5_000


@dataclass(frozen=True)
class Holding:
    """One key that holds something of the job."""

    command: tuple[str, ...]  #: as typed into redis-cli
    value: bytes | float | int  #: what it answered
    meaning: str


@dataclass(frozen=True)
class Whereabouts:
    """Where a job is. ``reason`` says why it waits, in one line; empty for one that does not."""

    holdings: tuple[Holding, ...] = ()
    reason: str = ""


def find(
    ledger: LedgerConnection, job: JobRecord, workers: Sequence[WorkerCard], now: datetime
) -> Whereabouts:
    """Look for a job; two round trips.

    Parameters:
      workers: The labkit workers that live.
      now: By the server's clock.
    """
    client, keys = ledger.client, ledger.keys
    with redis_errors(client), client.pipeline(transaction=False) as pipe:
        pipe.hget(keys.jobs, job.id)
        pipe.zrevrange(f"{keys.namespace}:__heartbeats__", 0, _MOST_WORKERS - 1, withscores=True)
        pipe.hkeys(keys.workers)
        raw, signs, carded = pipe.execute()
    place = None if raw and ledger.is_kept else ledger.stock.places.get(job.id)
    if place is not None:
        delivery = place.name.decode(errors="replace")
    elif raw is None:
        return Whereabouts()
    else:
        job = parse(job.id, raw) if ledger.is_kept else job
        suffix = raw.split(b"\n")[0].decode(errors="replace").partition(" ")[2].partition(" ")[0]
        # A stock delivery is named by a UUID of its own; ours by the job's id and a short suffix.
        delivery = suffix if "-" in suffix else delivery_name(job.id, suffix)
    names = [name.decode(errors="replace") for name, _ in signs]
    questions = _questions(ledger, job, delivery, names)
    with redis_errors(client), client.pipeline(transaction=True) as pipe:
        for command, _ in questions:
            pipe.execute_command(*command)
        answers: list[Any] = pipe.execute(raise_on_error=False)
    holdings = tuple(
        Holding(command, answer, meaning)
        for (command, meaning), answer in zip(questions, answers, strict=True)
        if isinstance(answer, bytes | int | float) and (answer or command[0] == "LPOS")
    )
    silent = {  # stock workers, and what else sends: the milliseconds since their last sign
        name.decode(errors="replace"): _millis(now) - at for name, at in signs if name not in carded
    }
    return Whereabouts(holdings, _reason(job, holdings, workers, silent, now))


def _questions(
    ledger: LedgerConnection, job: JobRecord, delivery: str, workers: list[str]
) -> list[tuple[tuple[str, ...], str]]:
    keys, queue = ledger.keys, f"{ledger.namespace}:{job.queue}"
    held = [
        (
            ("SISMEMBER", f"{keys.namespace}:__acks__.{worker}.{place}", delivery),
            "a worker holds it, and has not acknowledged it",
        )
        for worker in workers
        for place in (job.queue, f"{job.queue}.DQ")
    ]
    deep = ("MAXLEN", str(_DEEPEST))
    return [
        (("LPOS", queue, delivery, *deep), "jobs before it in its queue"),
        (("LLEN", queue), "jobs in its queue"),
        (("HGET", f"{queue}.msgs", delivery), "the message that waits, or that a worker holds"),
        *held,
        (("LPOS", f"{queue}.DQ", delivery, *deep), "its place among the delayed, not yet sorted"),
        (("ZSCORE", keys.due(job.queue), delivery), "its ETA, in milliseconds since 1970"),
        (("HGET", f"{queue}.DQ.msgs", delivery), "the delayed message"),
        (("ZSCORE", f"{queue}.XQ", delivery), "when it died, in milliseconds since 1970"),
        (("HGET", f"{queue}.XQ.msgs", delivery), "the dead letter"),
        (("HGET", f"{keys.prefix}recovered", delivery), "starts since its worker died"),
        (("ZSCORE", keys.state(job.state), job.id), f"when it became {job.state}, or its ETA"),
        (("HGET", keys.jobs, job.id), "its record"),
    ]


def _reason(
    job: JobRecord,
    holdings: Sequence[Holding],
    workers: Sequence[WorkerCard],
    silent: Mapping[str, float],
    now: datetime,
) -> str:
    serving = [card for card in workers if job.queue in card.queues]
    least = min(silent.values(), default=_SILENCE)
    has_stock = least < _DOUBTFUL
    holder = next((one.command[1] for one in holdings if one.command[0] == "SISMEMBER"), "")
    if job.state is JobState.ENQUEUED:
        if holder:
            return _held_reason(holder, workers, silent)
        if not workers and _DOUBTFUL <= least < _SILENCE:
            return "no worker gives a sign of life"
        if why := _why_not_taken(job, serving, workers, has_stock):
            return why
        found = {one.command[0]: one.value for one in holdings}
        return _place(found, job.queue, serving)
    is_theirs = any(f":__acks__.{name}." in holder for name in silent)
    if job.state is JobState.RUNNING and is_theirs:
        return _held_reason(holder, workers, silent)
    if job.state is JobState.SCHEDULED:
        waits = f"it waits for its time{', in the memory of a stock worker' * is_theirs}"
    elif job.state is JobState.RETRYING:
        error = (job.error or "").partition(":")[0]
        tries = len(job.attempts)
        failed = f"attempt {tries} failed{' with ' * bool(error)}{error}"
        waits = f"{failed}: it backs off before attempt {tries + 1}"
    else:
        return ""
    if not serving and not has_stock:
        return f"{waits}; no worker runs that would then move it into {job.queue}"
    if job.eta is not None and job.eta <= now:
        return f"it is due: a worker moves it into {job.queue} at once"
    return waits


def _why_not_taken(
    job: JobRecord, serving: Sequence[WorkerCard], workers: Sequence[WorkerCard], has_stock: bool
) -> str:
    if has_stock:
        return ""  # which queues and actors a stock worker has, nobody can see
    if not workers:
        return "no worker runs"
    if not serving:
        others = ", ".join(sorted({queue for card in workers for queue in card.queues}))
        return f"no worker takes from {job.queue}: those that run take from {others}"
    if not any(card.takes(job.queue) for card in serving):
        many = "worker is" if len(serving) == 1 else f"{len(serving)} workers are"
        how = "quiet" if all(card.is_quiet for card in serving) else "paused"
        return f"{job.queue} is paused: its {many} {how}"
    if not any(job.actor in card.actors for card in serving):
        return f"no worker of {job.queue} knows the actor {job.actor}"
    return ""


def _held_reason(key: str, workers: Sequence[WorkerCard], silent: Mapping[str, float]) -> str:
    for card in workers:
        if f":__acks__.{card.name}." in key:
            return f"{card.address} has fetched it, and begins when a thread is free"
    for name, millis in silent.items():
        if f":__acks__.{name}." in key:
            if millis < _DOUBTFUL:
                return "a stock worker holds it, and does not say whether it runs"
            return (
                "a stock worker holds it that gives no sign of life: "
                "Dramatiq takes it back some time after a minute"
            )
    return "a worker that died holds it: the next one that runs takes it back"


def _place(values: dict[str, Any], queue: str, serving: Sequence[WorkerCard]) -> str:
    ahead, length = values.get("LPOS"), values.get("LLEN", 0)
    if ahead is None and length <= _DEEPEST:
        return ""  # it moves at this very moment
    threads = sum(card.threads for card in serving if card.takes(queue))
    crew = f"; {_many(threads, 'thread')} for {queue}"
    if not threads:
        crew = "; stock workers do not say which queues they take from"
    if ahead is None:
        return f"behind more than {_many(_DEEPEST, 'job')} in {queue}{crew}"
    return (f"behind {_many(ahead, 'job')} in {queue}" if ahead else f"next in {queue}") + crew


def _many(number: int, word: str) -> str:
    return f"{number:,} {word}{'s' * (number != 1)}"


def short_reason(job: JobRecord, workers: Sequence[WorkerCard]) -> str:
    """Why no worker takes it, in a few words, from the workers' cards alone; or nothing."""
    if job.state is not JobState.ENQUEUED or not workers:
        return ""
    serving = [card for card in workers if job.queue in card.queues]
    if not serving:
        return f"no worker for {job.queue}"
    if not any(card.takes(job.queue) for card in serving):
        return f"{job.queue} is paused"
    return "" if any(job.actor in card.actors for card in serving) else "no worker knows it"


def _millis(when: datetime) -> int:
    return round(when.timestamp() * 1000)
