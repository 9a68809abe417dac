"""What is no message, or only nearly one: a dead letter that says why, and nothing else happens.

One worker process takes all of it, in this order, and runs a job that is in order after each.
"""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from labkit.ledger.check import check
from labkit.ledger.records import JobState
from labkit.redis_server import ThrowawayRedis
from tests.support import wait_until
from tests.support_broken import GOOD, Hostile, corpus, dump, payloads

if TYPE_CHECKING:
    from collections.abc import Iterator

QUICK, WHOLE = 25, 1_500


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hostile]:
    """One worker for all that is tried here: none of it ends it."""
    with (
        ThrowawayRedis() as server,
        Hostile(server.url, tmp_path_factory.mktemp("hostile")) as hostile,
    ):
        yield hostile
        print(f"\n{hostile.inputs} broken messages tried")


def reasons(hostile: Hostile, names: list[bytes]) -> dict[bytes, str]:
    """Of each delivery that is a dead letter: what its record says."""
    said = {}
    for name in hostile.letters(names):
        payload = hostile.client.hget("dramatiq:default.XQ.msgs", name) or b""
        try:
            job_id = json.loads(payload)["message_id"].encode()
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
            job_id = name
        found: list[Any] = hostile.client.hmget(hostile.keys.jobs, [name, job_id])
        job = found[0] or found[1]
        said[name] = job.decode(errors="replace") if job else ""
    return said


def test_each_field_and_each_option_with_each_odd_value(hostile: Hostile) -> None:
    broken = corpus()
    assert len(broken) > 2_000
    names = hostile.plant(broken)
    hostile.settled(names)
    said = reasons(hostile, names)
    assert len(said) > len(broken) / 2
    assert [name for name, record in said.items() if '"error":' not in record] == []
    # Some share an id, and so a record: its last attempt may be that of one that was in order.
    assert [job for job in hostile.dead() if not any(a.error for a in job.attempts)] == []
    # The rest was in order after all, or is to be tried again.
    assert hostile.ledger.counts()[JobState.COMPLETED] > 100
    wait_until(lambda: check(hostile.ledger) == [], 10, "records and keys agree")
    hostile.is_well()


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"args": "abc"}, "args is 'abc', and a list is meant"),
        ({"message_id": "\ud800"}, "message_id is '\\ud800', and a text is meant"),
        ({"queue_name": "other"}, "it says queue 'other', and lies in 'default'"),
        ({"options": {"time_limit": "x"}}, "its option time_limit is 'x', which it cannot be"),
        ({"options": {"throws": ["x"]}}, "its option throws is ['x'], which it cannot be"),
        ({"options": {"pipe_target": {"args": []}}}, "missing"),
        ({"message_timestamp": None}, "message_timestamp is None, and no time"),
        ({"actor_name": "nobody"}, "ActorNotFound: nobody"),
        ({"args": [1] * 5, "actor_name": "fail"}, "RuntimeError: as it is meant to"),
    ],
)
def test_the_reason_is_said_in_words(hostile: Hostile, changes: dict[str, Any], why: str) -> None:
    names = hostile.plant([dump({**GOOD, "message_id": f"why {why}", **changes})])
    hostile.settled(names)
    wait_until(lambda: json.dumps(why)[1:-1] in reasons(hostile, names)[names[0]], 5, why)


def try_whatever(hostile: Hostile, examples: int) -> None:
    @settings(
        max_examples=examples,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(st.lists(payloads, min_size=1, max_size=20), st.sampled_from(["default", "default.DQ"]))
    def tried(broken: list[bytes], queue: str) -> None:
        names = hostile.plant(broken, queue)
        if queue == "default":
            hostile.settled(names)
        job_id = hostile.send()
        wait_until(lambda: hostile.state(job_id) is JobState.COMPLETED, 20, "its neighbour ran")

    tried()
    hostile.is_well()


def test_whatever_somebody_sends(hostile: Hostile) -> None:
    try_whatever(hostile, QUICK)


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_whatever_somebody_sends_in_the_long_form(hostile: Hostile) -> None:
    try_whatever(hostile, WHOLE)


def test_a_delivery_whose_name_is_no_text(hostile: Hostile) -> None:
    odd = [
        b"\xff\xfe",
        b"#",
        b"a#b#c",
        b"\x00",
        b"",
        b"with space",
        b"x" * 5_000,
        b"\xed\xa0\x80#1",
    ]
    for payload in (b"junk", dump({**GOOD, "message_id": "under odd names"})):
        names = hostile.plant([payload] * len(odd), names=odd)
        hostile.settled(names)
        hostile.is_well()
    delayed = hostile.plant([b"junk"] * len(odd), "default.DQ", names=odd)
    hostile.settled(delayed, "default.DQ")
    hostile.is_well()


def test_ids_that_repeat(hostile: Hostile) -> None:
    payload = dump({**GOOD, "message_id": "again and again"})
    names = hostile.plant([payload] * 50)
    hostile.client.rpush("dramatiq:default", *names, *names)
    hostile.settled(names)
    hostile.is_well()
    assert hostile.state("again and again") is JobState.COMPLETED
    assert hostile.ledger.counts()[JobState.RUNNING] == 0


@pytest.mark.parametrize(
    ("millis", "shown"),
    [
        (-1, datetime(1969, 12, 31, 23, 59, 59, 999_000, UTC)),
        (-(2**52), datetime.min.replace(tzinfo=UTC)),
        (253_402_300_800_000, datetime.max.replace(tzinfo=UTC)),
        (2**52, datetime.max.replace(tzinfo=UTC)),
    ],
)
def test_times_before_1970_and_after_9999(hostile: Hostile, millis: int, shown: datetime) -> None:
    now, later = f"now {millis}", f"later {millis}"
    message = {**GOOD, "message_timestamp": millis}
    names = hostile.plant([dump({**message, "message_id": now})])
    delayed = {"message_id": later, "queue_name": "default.DQ", "options": {"eta": millis}}
    hostile.plant([dump({**message, **delayed})], "default.DQ")
    hostile.settled(names)
    hostile.is_well()
    expected = JobState.COMPLETED if millis < 0 else JobState.SCHEDULED
    wait_until(lambda: hostile.state(later) is expected, 5, f"it is {expected}")
    job = hostile.ledger.job(now)
    assert job is not None
    assert job.enqueued_at == shown


@pytest.mark.parametrize(
    "size", [5_000_000, pytest.param(50_000_000, marks=pytest.mark.slow)], ids=["5 MB", "50 MB"]
)
def test_many_megabytes_that_are_a_message_and_that_are_none(hostile: Hostile, size: int) -> None:
    fits = dump({**GOOD, "message_id": "large", "args": ["x" * size]})
    names = hostile.plant([b"[" + b"x" * size, fits])
    hostile.settled(names)
    hostile.is_well()
    assert hostile.letters(names) == names[:1]
    assert f"({size + 1} bytes)" in reasons(hostile, names)[names[0]]
    job = hostile.ledger.job("large")
    assert job is not None
    assert (job.state, job.is_cut) == (JobState.COMPLETED, True)
    assert len(hostile.said()) < 10_000_000  # no log holds them
    hostile.ledger.delete(names[0].decode())


def test_nothing_of_all_this_ended_the_worker(hostile: Hostile) -> None:
    failed = [line for line in hostile.said().splitlines() if "CRITICAL" in line]
    # A callback to an actor that nobody declared is told, and the job itself is done.
    assert [line for line in failed if "after_process_message" not in line] == []
    assert re.findall("Exception in thread", hostile.said()) == []
    job_id = hostile.send("fail_twice")
    wait_until(lambda: hostile.state(job_id) is JobState.COMPLETED, 10, "retries work as before")
