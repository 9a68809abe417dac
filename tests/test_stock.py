"""An application of stock Dramatiq alone, read as it is: real workers, and no key of labkit's."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import pytest
import redis

from labkit.ledger.reader import Ledger
from labkit.ledger.records import JobState
from tests.support import wait_until
from tests.support_stock import stock_producer, stock_worker

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


@pytest.fixture
def send(redis_url: str) -> Iterator[Callable[..., str]]:
    with stock_producer(redis_url) as send:
        yield send


def counted(ledger: Ledger, **expected: int) -> None:
    """Wait until the counts are these, and those of the other recorded states 0."""
    states = ("scheduled", "enqueued", "running", "retrying", "dead")
    wanted = dict.fromkeys(states, 0) | expected

    def reached() -> bool:
        return {str(state): n for state, n in ledger.counts().items()} == wanted

    try:
        wait_until(reached, 15)
    except AssertionError as error:
        error.add_note(f"the counts are {ledger.counts()}, not {wanted}")
        raise


def ids(ledger: Ledger, state: str, **how: Any) -> list[str]:
    return [job.id for job in ledger.jobs(state, **how)]


def test_what_waits_runs_and_died_is_counted_and_listed(
    ledger: Ledger, send: Callable[..., str], redis_url: str, tmp_path: Path
) -> None:
    late, soon = send("wait", "x", delay=900_000), send("wait", "y", delay=600_000)
    dead = send("fail", 7, queue="mail", options={"max_retries": 1})
    retrying = send(
        "fail", 8, queue="mail", options={"min_backoff": 900_000, "max_backoff": 900_000}
    )
    with redis.Redis.from_url(redis_url) as client, stock_worker(redis_url, tmp_path / "log"):
        counted(ledger, scheduled=2, retrying=1, dead=1)
        held = [send("wait", name) for name in "ab"]
        # One thread: one runs, and one is prefetched; stock Dramatiq does not tell which.
        wait_until(lambda: client.llen("dramatiq:default") == 0)
        waiting = [send("wait", name) for name in "cde"]
        counted(ledger, scheduled=2, retrying=1, dead=1, running=2, enqueued=3)
        assert sorted(ids(ledger, "running")) == sorted(held)
        assert ids(ledger, "enqueued") == waiting
        assert ids(ledger, "scheduled") == [soon, late]
        assert ids(ledger, "retrying") == [retrying]
        assert ids(ledger, "dead") == [dead]
        for name in "abcde":
            client.rpush(f"go:{name}", "")
        counted(ledger, scheduled=2, retrying=1, dead=1)
    assert JobState.COMPLETED not in ledger.counts(), "nobody knows how many have completed"
    assert ids(ledger, "completed") == []


def test_a_dead_letter_shows_the_traceback_that_stock_kept(
    ledger: Ledger, send: Callable[..., str], redis_url: str, tmp_path: Path
) -> None:
    with stock_worker(redis_url, tmp_path / "log"):
        told = send("fail", 7, queue="mail", options={"max_retries": 1})
        untold = send("fail", 8, queue="mail", options={"max_retries": 0})
        counted(ledger, dead=2)
    job = ledger.job(told)
    assert job is not None
    assert (job.state, job.queue, job.actor, job.args) == (JobState.DEAD, "mail", "fail", (7,))
    assert job.error == "ValueError: no such order: 7"
    assert "Traceback (most recent call last)" in (job.attempts[0].traceback or "")
    silent = ledger.job(untold)
    assert silent is not None
    assert silent.error is None, "stock buries a message as it was fetched"
    assert ledger.job("no-such-job") is None


def test_any_page_of_the_dead_of_several_queues_is_newest_first(
    ledger: Ledger, send: Callable[..., str], redis_url: str
) -> None:
    with redis.Redis.from_url(redis_url) as client:
        # Not long ago: one send in a thousand removes dead letters of more than seven days.
        first = round(time.time() * 1000) - 60_000
        for place in range(60):
            queue = ("mail", "default", "bulk")[place % 3]
            send("fail", place, queue=queue)
            name = client.lpop(f"dramatiq:{queue}")
            payload = client.hget(f"dramatiq:{queue}.msgs", name)
            client.zadd(f"dramatiq:{queue}.XQ", {name: first + place // 5})
            client.hset(f"dramatiq:{queue}.XQ.msgs", name, payload)
            client.hdel(f"dramatiq:{queue}.msgs", name)
    whole = [job.args[0] for job in ledger.jobs("dead", limit=60)]
    assert [place // 5 for place in whole] == [place // 5 for place in reversed(range(60))]
    pages = [ledger.jobs("dead", offset=offset, limit=7) for offset in range(0, 60, 7)]
    assert [job.args[0] for page in pages for job in page] == whole
    mail = [job.args[0] for job in ledger.jobs("dead", queue="mail", limit=60)]
    assert mail == [place for place in whole if place % 3 == 0]


def test_looking_writes_nothing(
    ledger: Ledger, send: Callable[..., str], redis_url: str, tmp_path: Path
) -> None:
    for number in range(20):
        send("fail", number, queue="mail", delay=900_000 if number % 2 else None)
    with redis.Redis.from_url(redis_url) as client:
        keys = set(client.scan_iter())
        wrote = client.info("persistence")["rdb_changes_since_last_save"]
        ledger.counts()
        for state in JobState:
            ledger.jobs(state)
        assert len(list(ledger.search("fail"))) == 20
        assert ledger.job("no-such-job") is None
        assert client.info("persistence")["rdb_changes_since_last_save"] == wrote
        assert set(client.scan_iter()) == keys


def test_a_user_who_may_only_read_can_look(send: Callable[..., str], redis_url: str) -> None:
    sent = send("fail", 7, queue="mail")
    with redis.Redis.from_url(redis_url) as client:
        client.acl_setuser(
            "guest", enabled=True, nopass=True, keys=["*"], commands=["+@read"], reset=True
        )
        client.execute_command("ACL", "SETUSER", "guest", "+multi", "+exec", "+select")
    ledger = Ledger(redis_url.replace("://", "://guest:x@"))
    assert ledger.counts()[JobState.ENQUEUED] == 1
    assert ids(ledger, "enqueued") == [sent]
    job = ledger.job(sent)
    assert job is not None
    assert job.args == (7,)


def test_another_namespace_is_another_application(
    ledger: Ledger, send: Callable[..., str], redis_url: str
) -> None:
    send("wait", "a")
    assert ledger.counts()[JobState.ENQUEUED] == 1
    elsewhere = Ledger(redis_url, namespace="[dramatiq]")
    assert elsewhere.counts() == dict.fromkeys(JobState, 0), "there is no application"


def test_more_delayed_jobs_than_are_sorted_are_counted(
    ledger: Ledger, send: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("labkit.ledger.stock.DELAYED_SORTED", 5)
    for number in range(12):
        send("wait", number, delay=900_000 - 1_000 * number)
    assert ledger.counts()[JobState.SCHEDULED] == 12
    assert [job.args[0] for job in ledger.jobs("scheduled")] == [4, 3, 2, 1, 0]
    assert len(list(ledger.search("state:scheduled"))) == 12
