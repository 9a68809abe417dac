from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from labkit.errors import RedisUnavailable
from labkit.redis_server import ThrowawayRedis
from tests.support import gone, wait_until


def test_answers_inside_the_block_and_is_gone_after_it() -> None:
    with ThrowawayRedis() as server:
        assert server.client().ping()
        pid, folder = server.pid, server.client().config_get("dir")["dir"]
    assert gone(pid)
    assert not Path(folder).exists()
    assert not server.running


def test_restart_after_a_kill_brings_back_what_was_persisted() -> None:
    with ThrowawayRedis(persist=True) as server:
        client = server.client()
        client.config_set("appendfsync", "always")
        client.set("kept", "1")
        port = server.port
        server.kill()
        with pytest.raises(redis.exceptions.ConnectionError):
            client.ping()
        server.restart()
        assert server.port == port
        assert client.get("kept") == b"1"


def test_restart_without_persistence_comes_back_empty() -> None:
    with ThrowawayRedis() as server:
        server.client().set("gone", "1")
        server.restart()
        assert server.client().dbsize() == 0


def test_a_password_is_required_and_not_shown() -> None:
    with ThrowawayRedis(password=True) as server:
        assert server.password
        assert server.password not in repr(server)
        assert server.client().ping()
        with (
            redis.Redis(port=server.port, retry=Retry(NoBackoff(), 0)) as stranger,
            pytest.raises(redis.exceptions.AuthenticationError),
        ):
            stranger.ping()
        command = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True)
        assert server.password not in command.stdout


def test_config_lines_are_passed_on() -> None:
    with ThrowawayRedis(config={"maxmemory": "3mb"}) as server:
        assert server.client().config_get("maxmemory")["maxmemory"] == str(3 * 1024 * 1024)


def test_a_server_that_cannot_start_says_why() -> None:
    with pytest.raises(RedisUnavailable, match="no-such-directive"):
        ThrowawayRedis(config={"no-such-directive": "1"}).__enter__()


def test_it_ends_with_its_process_even_by_kill_9() -> None:
    program = (
        "import time\n"
        "from labkit.redis_server import ThrowawayRedis\n"
        "with ThrowawayRedis() as server:\n"
        "    print(server.pid, flush=True)\n"
        "    time.sleep(60)\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program], stdout=subprocess.PIPE, text=True
    ) as parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        parent.send_signal(signal.SIGKILL)
    wait_until(lambda: gone(pid), description="the server has ended")


def test_two_at_once_do_not_meet() -> None:
    with ThrowawayRedis() as one, ThrowawayRedis() as other:
        one.client().set("mine", "1")
        assert one.port != other.port
        assert other.client().dbsize() == 0
