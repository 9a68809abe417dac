"""Messages that no producer of labkit's would write, and the worker that gets them."""

from __future__ import annotations

import itertools
import json
import os
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Self

import dramatiq
from hypothesis import strategies as st
from redis import Redis

from labkit.broker import LabBroker
from labkit.ledger.keys import Keys
from labkit.ledger.reader import Ledger
from labkit.ledger.records import JobRecord, JobState
from labkit.widgets import JobBoard
from tests.support import wait_until

ROOT = Path(__file__).parents[1]
READY = "Worker process is ready for action"

#: A message that is in order; each broken one differs from it.
GOOD: dict[str, Any] = {
    "queue_name": "default",
    "actor_name": "take",
    "args": [1],
    "kwargs": {},
    "options": {},
    "message_id": "id",
    "message_timestamp": 1_763_900_000_000,
}
#: What stands in a field where something else is meant.
ODD: tuple[Any, ...] = (
    *(None, True, False, 0, -1, 1, 2**53 + 1, 2**63, -(2**63), 10**400, 0.5, -0.0, 1e308),
    *(float("nan"), float("inf"), float("-inf"), "", " ", "x", "7", "-", "\x00", "a\x00b"),
    *(
        "\ud800",
        "a\udfffb",
        "\n",
        "a\nb c",
        "#",
        "a#b",
        "a b",
        "x" * 3_000,
        "é",
        "\u2028",
        "default",
    ),
    *([], [[]], [1, 2], ["args"], {}, {"a": 1}, {"": None}, {"self": 1}, {"\ud800": "\x00"}),
)
OPTIONS = (
    *("retries", "max_retries", "min_backoff", "max_backoff", "retry_when", "throws", "eta"),
    *("time_limit", "max_age", "pipe_target", "pipe_ignore", "group_callbacks", "on_success"),
    *(
        "on_failure",
        "on_retry_exhausted",
        "group_info",
        "traceback",
        "redis_message_id",
        "requeue_timestamp",
        "store_results",
        "odd",
    ),
    *("group_callback_uuid", "group_completion_uuid", "broker_id", "priority", "jitter"),
)
#: What a pipeline's next message may say of itself.
PIPED: tuple[dict[str, Any], ...] = (
    *({"queue_name": "default.DQ"}, {"queue_name": "default.DQ", "options": {"eta": "x"}}),
    *({"queue_name": "default.XQ"}, {"queue_name": "q" * 10_000}, {"queue_name": "a\nb"}),
    *({"queue_name": "default.DQ", "options": {"eta": -5}}, {"options": {"eta": -5}}),
    *({"options": {"pipe_target": {**GOOD, "options": []}}}, {"actor_name": "a:b\nc"}),
)
NOT_JSON = (
    *(b"", b" ", b"{", b"[1,2", b"null", b"true", b"0", b'"text"', b"[]", b"{}", b"nan", b"'a'"),
    *(b"\x00", b"\xff\xfe\xfd", b"\x80\x04K\x01.", b"cos\nsystem\n(S'true'\ntR.", b"<xml/>"),
    *(b"[" * 100_000, b'{"a":' * 50_000, b"9" * 5_000, json.dumps(GOOD).encode()[:-1]),
    *(json.dumps(GOOD).encode("utf-16"), b"\xef\xbb\xbf" + json.dumps(GOOD).encode()),
)


def dump(message: Any) -> bytes:
    """As a careless producer writes it: NaN and lone surrogates and all."""
    return json.dumps(message).encode()


def corpus() -> list[bytes]:
    """Each field with each odd value, without it, and each option with each odd value."""
    broken, ids = list(NOT_JSON), map(str, itertools.count())
    for field, odd in itertools.product(GOOD, ODD):
        broken.append(dump({**GOOD, "message_id": next(ids), field: odd}))
    broken += [dump({k: v for k, v in GOOD.items() if k != field}) for field in GOOD]
    for actor, option, odd in itertools.product(("take", "fail"), OPTIONS, ODD):
        options = {option: odd}
        message = {**GOOD, "actor_name": actor, "message_id": next(ids), "options": options}
        broken.append(dump(message))
    for target in PIPED:
        options = {"pipe_target": {**GOOD, **target}}
        broken.append(dump({**GOOD, "message_id": next(ids), "options": options}))
    broken.append(dump({**GOOD, "more": 1}))
    broken.append(dump({**GOOD, "actor_name": "nobody_declared_this"}))
    return broken


_values = st.recursive(
    st.sampled_from(ODD)
    | st.integers()
    | st.floats()
    | st.text(st.characters(codec=None), max_size=20),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text(st.characters(codec=None), max_size=5), inner, max_size=3)
    ),
    max_leaves=8,
)
_messages = st.builds(
    lambda base, changes, options, without: {
        key: value
        for key, value in {**GOOD, **base, "options": options, **changes}.items()
        if key not in without
    },
    st.fixed_dictionaries(
        {"actor_name": st.sampled_from(["take", "fail"]), "message_id": st.text(max_size=9)}
    ),
    st.dictionaries(st.sampled_from([*GOOD, "more"]), _values, max_size=2),
    st.dictionaries(st.sampled_from(OPTIONS), _values, max_size=2),
    st.sets(st.sampled_from(list(GOOD)), max_size=1),
)
#: Payloads: messages with odd fields, halves of them, and whatever bytes there are.
payloads = st.one_of(
    _messages.map(dump),
    _messages.map(lambda message: dump(message)[: len(dump(message)) // 2]),
    st.binary(max_size=200),
    _values.map(dump),
)


class Hostile:
    """A worker process, the keys that it lives on, and a board that looks at them."""

    def __init__(self, url: str, folder: Path, **environment: str) -> None:
        self.url, self.client, self.ledger = url, Redis.from_url(url), Ledger(url)
        self.keys = Keys("dramatiq")
        self.log = folder / "worker.log"
        self.inputs = 0
        self._numbers = itertools.count()
        env = os.environ | {"HOSTILE_URL": url, "PYTHONPATH": str(ROOT), **environment}
        env |= {"dramatiq_restart_delay": "200"}
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "dramatiq", "tests.hostile_app", "-p", "1", "-t", "4"],
                env=env,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        wait_until(lambda: READY in self.said(), 30, "the worker is ready")
        self.broker = LabBroker(url=url)
        self.board = JobBoard(url, limit=50)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.board.close()
        self.process.terminate()
        self.process.wait(20)
        self.client.close()
        self.ledger.client.close()
        self.broker.client.close()

    def said(self) -> str:
        return self.log.read_text(errors="replace")

    def plant(
        self, payloads: Iterable[bytes], queue: str = "default", names: Iterable[bytes] = ()
    ) -> list[bytes]:
        """Put payloads into a queue as a stock producer would; the names of the deliveries."""
        payloads = list(payloads)
        given = list(names) or [f"odd-{next(self._numbers)}".encode() for _ in payloads]
        with self.client.pipeline() as pipe:
            for name, payload in zip(given, payloads, strict=True):
                pipe.hset(f"dramatiq:{queue}.msgs", name, payload)
                pipe.rpush(f"dramatiq:{queue}", name)
            pipe.execute()
        self.inputs += len(payloads)
        return given

    def send(self, actor: str = "take", *args: Any, delay: int | None = None) -> str:
        """A message that is in order, from a producer of labkit's."""
        message = dramatiq.Message("default", actor, args, {}, {})
        return self.broker.enqueue(message, delay=delay).message_id

    def settled(self, names: list[bytes], queue: str = "default") -> None:
        """Wait until the worker has none of them left."""

        def left() -> list[bytes]:
            found = self.client.hmget(f"dramatiq:{queue}.msgs", names)
            return [name for name, there in zip(names, found, strict=True) if there is not None]

        wait_until(lambda: not left(), 20, f"all are settled, of {len(names)}")

    def is_well(self) -> None:
        """A neighbour runs, the worker is the same one, and the board shows what there is."""
        job_id = self.send()
        wait_until(lambda: self.state(job_id) is JobState.COMPLETED, 20, "its neighbour ran")
        assert self.process.poll() is None
        self.board_shows()

    def board_shows(self) -> None:
        """The board's picture is made, live and as a snapshot, of every list."""
        counts = self.ledger.counts()
        for state in (None, *JobState):
            self.board.show(state)
            assert "Job board" in self.board.snapshot().html
        wait_until(
            lambda: (
                self.board._whole.get("counts", {}).get("completed") is not None
                and self.board._whole.get("live")
            ),
            10,
            f"the board is live, with {counts}",
        )

    def state(self, job_id: str) -> JobState | None:
        job = self.ledger.job(job_id)
        return job.state if job else None

    def letters(self, names: list[bytes]) -> list[bytes]:
        """Those of the deliveries that are dead letters."""
        scores = self.client.zmscore("dramatiq:default.XQ", names)
        return [name for name, score in zip(names, scores, strict=True) if score is not None]

    def dead(self) -> list[JobRecord]:
        return self.ledger.jobs(JobState.DEAD, limit=100_000)
