"""``%load_ext labkit`` in a real kernel: one line, errors of one line, and ``%redis``."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from labkit.magics import READY
from labkit.settings import Settings
from tests.support_kernel import Kernel

LOAD = "%load_ext labkit"


@pytest.fixture
def kernel(settings: Settings) -> Iterator[Kernel]:
    with Kernel() as running:
        yield running


def text(outputs: list[dict[str, Any]]) -> str:
    return "".join(output.get("text", "") for output in outputs)


def test_it_prints_one_line_every_time(kernel: Kernel) -> None:
    for _ in range(2):
        assert text(kernel.run(LOAD)) == READY + "\n"


def test_the_tables_are_there(kernel: Kernel) -> None:
    kernel.run(LOAD)
    kernel.run("from labkit import Task, session\nwith session() as db: db.add(Task(title='t'))")


def test_without_redis_it_says_so_in_one_line(root: Path) -> None:
    with Kernel(env={**os.environ, "REDIS_URL": "redis://:secret@127.0.0.1:1/0"}) as kernel:
        [error] = kernel.run(LOAD, fails=True)
    assert error["ename"] == "RedisUnavailable"
    assert len(error["traceback"]) == 1
    assert "does not answer" in error["traceback"][0]
    assert "secret" not in str(error)


def test_an_error_of_labkit_is_one_line_and_others_keep_their_traceback(kernel: Kernel) -> None:
    kernel.run(LOAD)
    [error] = kernel.run("from labkit.course import predict\npredict('99.x')", fails=True)
    assert error["traceback"][0].startswith("CourseError: There is no chapter '99'.")
    assert len(error["traceback"]) == 1
    [full] = kernel.run("%tb")
    assert "labkit/course/chapters" in str(full)
    [other] = kernel.run("1 / 0", fails=True)
    assert len(other["traceback"]) > 1


def test_redis_answers_as_redis_cli_does(kernel: Kernel) -> None:
    kernel.run(LOAD)
    assert text(kernel.run("%redis PING")) == "PONG\n"
    assert text(kernel.run("%redis RPUSH list a 'b c'")) == "(integer) 2\n"
    assert text(kernel.run("key = 'list'\n%redis LRANGE {key} 0 -1")) == '1) "a"\n2) "b c"\n'


def test_redis_refuses_to_flush_what_may_be_others(kernel: Kernel) -> None:
    kernel.run(LOAD)
    kernel.run("%redis SET a 1")
    [error] = kernel.run("%redis FLUSHDB", fails=True)
    assert error["ename"] == "RedisRefused"
    assert text(kernel.run("%redis EXISTS a")) == "(integer) 1\n"


def test_redis_asks_before_it_destroys_what_is_ours(root: Path) -> None:
    with Kernel() as kernel:  # no REDIS_URL: a server of labkit's own
        kernel.run(LOAD)
        kernel.run("%redis SET a 1")
        for answer in (None, "", "no"):
            [error] = kernel.run("%redis FLUSHDB", fails=True, answer=answer)
            assert error["ename"] == "RedisRefused"
        assert text(kernel.run("%redis EXISTS a")) == "(integer) 1\n"
        assert text(kernel.run("%redis FLUSHDB", answer="yes")) == "OK\n"
        assert text(kernel.run("%redis EXISTS a")) == "(integer) 0\n"


def test_a_throwaway_server_may_be_flushed(kernel: Kernel) -> None:
    kernel.run(LOAD)
    kernel.run("%redis SET a 1")
    kernel.run("from labkit.course.lab import throwaway_redis\nserver = throwaway_redis()")
    kernel.run("%redis SET b 1")
    assert text(kernel.run("%redis FLUSHALL")) == "OK\n"
    assert text(kernel.run("%redis DBSIZE")) == "(integer) 0\n"
    kernel.run("server.close()")
    assert text(kernel.run("%redis KEYS *")) == '1) "a"\n'
