"""A ledger that somebody has edited: jobs run, records mend, the board shows what it can."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from labkit.ledger.check import check
from labkit.ledger.records import JobState
from labkit.redis_server import ThrowawayRedis
from tests.support import wait_until
from tests.support_broken import Hostile

if TYPE_CHECKING:
    from collections.abc import Iterator

QUICK, WHOLE = 40, 2_000
SENT = '{"queue_name":"default","actor_name":"take","args":[],"kwargs":{}}'
#: What somebody might make of a record; a good one is two lines.
EDITS = (
    *(b"", b"\n", b"\x00", b"\xff\xfe", b"enqueued", b"{}", b"null", b"x" * 100_000, b"\n" * 1_000),
    *(SENT.encode(), f"enqueued\n{SENT}".encode(), f"nonsense x 1 - - - 0 -\n{SENT}".encode()),
    *(
        f"{state} {suffix} {enqueued} {eta} {started} - {lost} -\n{sent}".encode()
        for state in ("enqueued", "scheduled", "running", "jobs", "events", "dead", "workers")
        for suffix, enqueued, eta, started, lost, sent in (
            ("x", "1", "-", "-", "0", SENT),
            ("x", "one", "-", "-", "0", SENT),
            ("x", "1", "soon", "-", "0", SENT),
            ("x", "-", "-", "-", "-", SENT),
            ("x", "1", "1e999", "9" * 400, "9" * 400, SENT),
            ("x", "-9" * 9, "--", "-", "0", "[]"),
            ("x", "1", "-", "-", "0", '{"queue_name":7}'),
            ("x", "1", "-", "-", "0", '{"queue_name":"%s","actor_name":"t"}'),
            ("x", "1", "-", "-", "0", f'{SENT}\n{{"finished":"x"}}\nno attempt\n[]\n7'),
        )
    ),
)
#: Other keys of the ledger: what is written, under which of them.
OTHERS: tuple[tuple[Any, ...], ...] = (
    *(
        ("ZADD", state, score, member)
        for state in JobState
        for score in ("inf", "-inf", "0.5", "-7")
        for member in (b"unknown", b"\xff", b"")
    ),
    *(
        ("XADD", "events", "*", field, value)
        for field in ("job", "was", "state", "odd")
        for value in (b"", b"\xff", b"no state")
    ),
    *(
        ("XADD", "events", "*", "job", "x", "was", "y", "state", odd)
        for odd in (b"\xff", b"z", b"")
    ),
    *(
        ("HSET", "workers", name, card)
        for name in (b"ghost", b"\xff")
        for card in (b"", b"{", b"7", b"[]", b"{}", b'{"queues":7,"actors":null}', b"\xff", b"null")
    ),
    *(("SADD", "queues", odd) for odd in (b"", b"\xff", b"a b", b"*", b"x" * 5_000)),
    *(("SADD", "quiet", odd) for odd in (b"", b"\xff", b"ghost")),
    *(
        ("HSET", "minute", field, value)
        for field in (b"", b"/", b"\xff/completed", b"default/waited/x")
        for value in (b"", b"x", b"1e9", b"-1")
    ),
    *(("ZADD", "due.default", score, b"unknown#1") for score in ("inf", "0", "-inf")),
    *(("HSET", "recovered", b"unknown#1", value) for value in (b"", b"x", b"9" * 30)),
)


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hostile]:
    """One worker for all that is tried here."""
    with (
        ThrowawayRedis() as server,
        Hostile(server.url, tmp_path_factory.mktemp("edited")) as hostile,
    ):
        yield hostile
        print(f"\n{hostile.inputs} edits of the ledger tried")


def edit(hostile: Hostile, job_id: str, record: bytes) -> None:
    hostile.client.hset(hostile.keys.jobs, job_id, record)
    hostile.inputs += 1


def test_records_of_jobs_that_wait_run_and_are_over(hostile: Hostile) -> None:
    """Edited between two steps of their way; each of them runs all the same."""
    over = [hostile.send() for _ in EDITS]
    wait_until(lambda: hostile.state(over[-1]) is JobState.COMPLETED)
    waiting = [hostile.send("take", delay=400) for _ in EDITS]
    failing = [hostile.send("fail_twice", delay=400) for _ in EDITS]
    for number, record in enumerate(EDITS):
        for job_id in (over[number], waiting[number], failing[number]):
            edit(hostile, job_id, record)
    hostile.board_shows()
    for queue in ("default", "default.DQ"):
        wait_until(
            lambda queue=queue: not hostile.client.hlen(f"dramatiq:{queue}.msgs"),
            20,
            f"{queue} has run empty",
        )
    hostile.is_well()
    assert hostile.client.zcard("dramatiq:default.XQ") == 0


def test_everything_else_that_the_ledger_keeps(hostile: Hostile) -> None:
    minute = hostile.keys.minute(int(hostile.client.time()[0]) // 60)
    for command, key, *values in OTHERS:
        name = minute if key == "minute" else hostile.keys.prefix + key
        hostile.client.execute_command(command, name, *values)
        hostile.inputs += 1
    hostile.is_well()
    assert hostile.ledger.minutes(3)
    assert list(hostile.ledger.events("0", block=1))
    assert len(hostile.ledger.workers()) == 1
    hostile.broker.knows("take")
    later = hostile.send("take", delay=50)
    wait_until(lambda: hostile.state(later) is JobState.COMPLETED, 10, "what is delayed runs")
    check(hostile.ledger)


def edit_whatever(hostile: Hostile, examples: int) -> None:
    lines = st.lists(
        st.sampled_from(["enqueued x 1 - - - 0 -", SENT, '{"finished":1,"started":2}'])
        | st.text(st.characters(codec="utf-8"), max_size=40),
        max_size=4,
    ).map(lambda lines: "\n".join(lines).encode())

    @settings(
        max_examples=examples,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(st.lists(st.one_of(lines, st.binary(max_size=60)), min_size=1, max_size=10))
    def tried(records: list[bytes]) -> None:
        jobs = [hostile.send("take", delay=20) for _ in records]
        for job_id, record in zip(jobs, records, strict=True):
            edit(hostile, job_id, record)
        assert "Job board" in hostile.board.snapshot().html
        neighbour = hostile.send()
        wait_until(lambda: hostile.state(neighbour) is JobState.COMPLETED, 20, "its neighbour ran")

    tried()
    wait_until(lambda: not hostile.client.hlen("dramatiq:default.DQ.msgs"), 20, "all have run")
    hostile.is_well()


def test_whatever_somebody_writes_there(hostile: Hostile) -> None:
    edit_whatever(hostile, QUICK)


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_whatever_somebody_writes_there_in_the_long_form(hostile: Hostile) -> None:
    edit_whatever(hostile, WHOLE)


def test_none_of_it_ended_the_worker(hostile: Hostile) -> None:
    assert "Exception in thread" not in hostile.said()
    assert "CRITICAL" not in hostile.said()
    job_id = hostile.send("fail_twice")
    wait_until(lambda: hostile.state(job_id) is JobState.COMPLETED, 10, "retries work as before")
