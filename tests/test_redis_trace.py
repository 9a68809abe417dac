"""``%%redis_trace``: what a cell and its workers asked of Redis, in order; nothing of others."""

from __future__ import annotations

import os
import re
import threading
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pytest
import redis

from labkit.errors import LabkitError, RedisRefused, RedisUnavailable
from labkit.redis_monitor import Monitor, own_addresses, parse
from labkit.redis_server import ThrowawayRedis
from labkit.redis_trace import redis_trace
from tests.support_kernel import Kernel

if TYPE_CHECKING:
    from collections.abc import Iterator

    from labkit.settings import Settings

SET_UP = """
%load_ext labkit
from labkit import actor
from labkit.jobs import task_logger
from labkit.worker import Worker
"""
JOBS = """
import os
import redis
from labkit import actor

own = redis.Redis.from_url(os.environ["REDIS_URL"])

@actor
def counts(password="none"):
    own.incr("visits")

@actor(max_retries=0)
def fails(): 1 / 0
"""


@pytest.fixture
def kernel(settings: Settings) -> Iterator[Kernel]:
    (settings.root / "traced_jobs.py").write_text(JOBS)
    path = os.pathsep.join([str(settings.root), os.environ.get("PYTHONPATH", "")])
    with Kernel(cwd=settings.root, env={**os.environ, "PYTHONPATH": path}) as running:
        running.run(SET_UP)
        yield running


def plain(outputs: list[Any]) -> str:
    return "\n".join(output["data"]["text/plain"] for output in outputs if "data" in output)


def commands(outputs: list[Any]) -> list[tuple[str, str]]:
    """Who, and the command's name, or its script's."""
    found = []
    lines = plain(outputs).splitlines()
    for line, meaning in pairwise(lines):
        if row := re.match(r"(cell|worker|↳ script) +[\d.]+ ms +(\S+)", line):
            assert meaning.strip(), f"{line} is not explained"
            script = re.match(r" +Runs (\w+\.lua): \w", meaning)
            found.append((row[1], script[1] if script else row[2]))
    return found


def test_a_cells_own_commands_in_their_order_and_its_value(kernel: Kernel, redis_url: str) -> None:
    outputs = kernel.run("%%redis_trace\n%redis RPUSH a 1\n%redis GET 'b c'\n6 * 7")
    told = [call for who, call in commands(outputs) if who == "cell"]
    assert [call for call in told if call != "INFO"] == ["RPUSH", "GET"]
    assert "Append" in plain(outputs)
    assert outputs[-1]["data"]["text/plain"] == "42"
    assert '"b c"' in plain(outputs)


def test_what_a_worker_did_for_the_cells_job(kernel: Kernel) -> None:
    # Given a worker, a board on the page, and another program on the same Redis
    kernel.run("import traced_jobs\nworker = Worker.start(module='traced_jobs', threads=1)")
    kernel.run("from labkit.widgets import JobBoard\nboard = JobBoard()")
    stranger = redis.Redis.from_url(os.environ["REDIS_URL"])
    done = threading.Event()

    def chatter() -> None:
        while not done.wait(0.005):
            stranger.get("stranger's")

    thread = threading.Thread(target=chatter)
    thread.start()
    # When a cell sends a job
    outputs = kernel.run("%%redis_trace\n_ = traced_jobs.counts.send(password='hunter2')")
    done.set()
    thread.join()
    stranger.close()
    kernel.run("worker.stop()")
    # Then each step is told once, in its order: the sending, the fetch, the body's own, the end
    steps = [step for step in commands(outputs) if step[0] != "↳ script"]
    assert steps[0] == ("cell", "enqueue.lua")
    order = [("worker", name) for name in ("fetch.lua", "INCRBY", "settle.lua")]
    # A script that Redis does not know yet is sent, loaded and sent again.
    assert [step for step in dict.fromkeys(steps) if step in order] == order
    # And no other program, no board, no idle look, no secret
    assert not {call for _, call in steps} & {"GET", "XREAD", "BLMOVE", "workers.lua", "beat.lua"}
    assert "hunter2" not in str(outputs)
    assert "Left out:" in plain(outputs)


def test_what_a_script_did_stands_behind_it(kernel: Kernel) -> None:
    told = commands(kernel.run("%%redis_trace\n_ = task_logger.send(1)"))
    sending = told[told.index(("cell", "enqueue.lua")) :]
    inside = [call for who, call in sending if who == "↳ script"]
    assert inside.index("HSET") < inside.index("RPUSH"), "its record is there before it can run"


def test_a_keys_meaning_is_told(kernel: Kernel) -> None:
    outputs = plain(kernel.run("%%redis_trace\n_ = task_logger.send(1)"))
    assert "list: ids of the queue default." in outputs
    assert "the jobs that are enqueued." in outputs


def test_a_cell_that_fails_fails_and_is_still_told(kernel: Kernel) -> None:
    outputs = kernel.run("%%redis_trace\n%redis SET a 1\n1 / 0", fails=True)
    assert ("cell", "SET") in commands(outputs)
    assert outputs[-1]["ename"] == "ZeroDivisionError"


def test_a_throwaway_server_is_the_one_that_is_traced(kernel: Kernel) -> None:
    kernel.run("from labkit.course.lab import throwaway_redis\nserver = throwaway_redis()")
    assert ("cell", "LPUSH") in commands(kernel.run("%%redis_trace\n%redis LPUSH a 1"))
    kernel.run("server.close()")


def test_a_word_that_is_no_number_is_refused() -> None:
    with pytest.raises(LabkitError, match="number of seconds"):
        redis_trace("soon", "1")


# --- the listening ------------------------------------------------------------------------------

WORDS = [
    "plain",
    "two words",
    'a "quote"',
    "back\\slash",
    "\\n",
    "line\nbreak\r\t",
    "é☃",
    "",
    "\x00",
]


def test_every_word_comes_back_as_it_was_sent(redis_url: str) -> None:
    with redis.Redis.from_url(redis_url) as client, Monitor(redis_url, lambda _: None) as monitor:
        client.execute_command("SADD", "words", *WORDS)
        monitor.stop()
    [told] = [command for command in monitor.commands if command.words[0] == "SADD"]
    assert told.words == ("SADD", "words", *WORDS)


def test_a_line_of_another_shape_is_kept_as_it_is() -> None:
    assert parse("what?").words == ("what?",)


def test_all_up_to_the_end_is_heard(redis_url: str) -> None:
    with redis.Redis.from_url(redis_url) as client, Monitor(redis_url, lambda _: None) as monitor:
        for number in range(1_000):
            client.set("a", number)
        monitor.stop()
    heard = [command.words[2] for command in monitor.commands if command.words[0] == "SET"]
    assert heard == [str(number) for number in range(1_000)]


def test_observers_are_not_the_cell(redis_url: str) -> None:
    clients = [redis.Redis.from_url(redis_url) for _ in range(3)]
    with own_addresses() as own:
        clients[0].ping()
        for name, client in zip(("labkit-enqueue", "labkit-watcher"), clients[1:], strict=True):
            thread = threading.Thread(target=client.ping, name=name)
            thread.start()
            thread.join()
    addresses = [client.client_info()["addr"] for client in clients]
    assert own == set(addresses[:2])
    later = redis.Redis.from_url(redis_url)
    assert later.client_info()["addr"] not in own, "nothing is noted behind the block"
    for client in (*clients, later):
        client.close()


def test_without_the_right_to_monitor_it_says_so(redis_url: str) -> None:
    with redis.Redis.from_url(redis_url) as client:
        client.acl_setuser("reader", True, passwords=["+pw"], commands=["+@all", "-monitor"])
        url = redis_url.replace("redis://", "redis://reader:pw@")
        with pytest.raises(RedisRefused, match="does not permit"), Monitor(url, lambda _: None):
            pytest.fail("it listens")
        client.acl_deluser("reader")


def test_without_redis_it_says_so() -> None:
    with ThrowawayRedis() as server:
        url = server.url
    with pytest.raises(RedisUnavailable), Monitor(url, lambda _: None):
        pytest.fail("it listens")
