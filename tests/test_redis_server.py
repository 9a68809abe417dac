from __future__ import annotations

import re
import socket
import socketserver
import subprocess
import sys
import threading
from typing import TYPE_CHECKING

import pytest
import redis

from labkit.errors import ConfigurationError, RedisRefused, RedisUnavailable
from labkit.redis_process import free_port
from labkit.redis_server import Found, ThrowawayRedis, connect, find, redis_errors
from labkit.settings import Settings

if TYPE_CHECKING:
    from pathlib import Path

SECRET = "hush-hush"


def test_redis_url_is_used_and_nothing_else(settings: Settings, redis_url: str) -> None:
    found = find(settings)
    assert (found.url, found.source) == (redis_url, "REDIS_URL")
    assert found.version == redis.Redis.from_url(redis_url).info("server")["redis_version"]
    assert not (settings.root / ".labkit").exists()


def test_redis_url_that_does_not_answer_is_an_error_and_starts_nothing(root: Path) -> None:
    url = f"redis://:{SECRET}@127.0.0.1:{free_port()}/12"
    with pytest.raises(RedisUnavailable, match="REDIS_URL") as caught:
        find(Settings(redis_url=url))
    assert SECRET not in str(caught.value)
    assert not (root / ".labkit").exists()


def test_an_unreachable_host_answers_within_the_timeout(root: Path) -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen(0)
        url = f"redis://127.0.0.1:{silent.getsockname()[1]}"
        with pytest.raises(RedisUnavailable, match="in time"):
            find(Settings(redis_url=url, network_timeout=0.1))


def test_a_local_redis_without_a_password_is_used(
    settings: Settings, redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("REDIS_URL")
    monkeypatch.setenv("LABKIT_LOCAL_REDIS", redis_url)
    found = find(Settings())
    assert (found.url, found.source) == (redis_url, "local")


def test_a_local_redis_with_a_password_is_left_alone(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with ThrowawayRedis(password=True) as other:
        monkeypatch.setenv("LABKIT_LOCAL_REDIS", f"redis://127.0.0.1:{other.port}/12")
        assert ask(root).startswith("private ")


def test_a_local_redis_without_database_12_is_left_alone(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with ThrowawayRedis(db=0, config={"databases": "13"}) as other:
        monkeypatch.setenv("LABKIT_LOCAL_REDIS", f"redis://127.0.0.1:{other.port}/13")
        assert ask(root).startswith("private ")


def test_the_private_server_comes_before_a_local_one(
    root: Path, redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with connect() as client:
        client.set("mine", "1")
        monkeypatch.setenv("LABKIT_LOCAL_REDIS", redis_url)
        assert ask(root).startswith("private ")


def ask(root: Path) -> str:
    """Source and redacted address, as another process of this root sees them."""
    program = "from labkit.redis_server import find; f = find(); print(f.source, f.address)"
    return subprocess.run(
        [sys.executable, "-c", program], cwd=root, capture_output=True, text=True, check=True
    ).stdout


def test_no_password_in_a_repr() -> None:
    found = Found(f"redis://me:{SECRET}@example.org:6379/12", "REDIS_URL", "7.2.0")
    assert repr(found) == (
        "Found('redis://me:***@example.org:6379/12', source='REDIS_URL', version='7.2.0')"
    )
    settings = Settings(redis_url=found.url)
    for shown in (found, settings, connect(settings), connect(settings).connection_pool):
        assert SECRET not in repr(shown)


def test_a_client_opens_nothing_before_its_first_command(root: Path) -> None:
    client = connect()
    assert not (root / ".labkit").exists()
    with client:
        assert client.ping()
    assert (root / ".labkit" / "redis.json").exists()


def test_replies_are_bytes_and_of_one_shape(settings: Settings) -> None:
    with connect(settings) as client:
        client.zadd("z", {"a": 1})
        # RESP3 would say 1.0, not b"1", and redis-py 8 asks for it by default.
        assert client.eval("return {redis.call('ZSCORE', KEYS[1], 'a')}", 1, "z") == [b"1"]
        assert client.connection_pool.connection_kwargs["protocol"] == 2


def test_options_of_the_url_are_honoured(redis_url: str, root: Path) -> None:
    settings = Settings(redis_url=f"{redis_url}?socket_timeout=2&max_connections=3")
    with connect(settings) as client:
        assert client.ping()
        assert client.connection_pool.max_connections == 3
        assert client.connection_pool.connection_kwargs["socket_timeout"] == 2


@pytest.mark.parametrize(
    "url", [f"redis://:{SECRET}@host:port/12", f"redis://:{SECRET}@host/1?socket_timeout=soon"]
)
def test_a_url_that_is_none_is_refused_without_its_password(url: str, root: Path) -> None:
    with pytest.raises(ConfigurationError, match="REDIS_URL") as caught:
        connect(Settings(redis_url=url))
    assert SECRET not in str(caught.value)


def test_a_unix_socket_works(root: Path, tmp_path: Path) -> None:
    path = tmp_path / "redis.sock"
    with ThrowawayRedis(config={"unixsocket": str(path)}):
        settings = Settings(redis_url=f"unix://{path}?db=12")
        assert find(settings).source == "REDIS_URL"
        with connect(settings) as client:
            assert client.ping()


def test_more_threads_than_connections_wait_for_their_turn(settings: Settings) -> None:
    settings = settings.model_copy(update={"pool_size": 2})
    with connect(settings) as client:
        others = {other["id"] for other in client.client_list()}
        started = threading.Barrier(8)

        def increment() -> None:
            started.wait()
            for _ in range(50):
                client.incr("n")

        threads = [threading.Thread(target=increment) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert client.get("n") == b"400"
        assert len({each["id"] for each in client.client_list()} - others) <= 1  # and the first


def test_a_pool_that_stays_in_use_says_which_setting_to_raise(settings: Settings) -> None:
    settings = settings.model_copy(update={"pool_size": 1, "network_timeout": 0.1})
    with connect(settings) as client:
        with client.client() as held:
            held.ping()
            with pytest.raises(RedisUnavailable, match="pool_size"):
                client.ping()
        assert client.ping()


def test_a_client_survives_a_fork(settings: Settings) -> None:
    program = (
        "import os\n"
        "from labkit.redis_server import connect\n"
        "client = connect()\n"
        "client.incr('n')\n"
        "child = os.fork()\n"
        "for _ in range(100): assert client.echo(str(os.getpid())) == str(os.getpid()).encode()\n"
        "client.incr('n')\n"
        "if child: assert os.waitpid(child, 0)[1] == 0\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True)
    with connect(settings) as client:
        assert client.get("n") == b"3"


def test_a_client_meets_a_server_that_came_back(root: Path) -> None:
    with ThrowawayRedis(persist=True) as server:
        settings = Settings(redis_url=server.url)
        with connect(settings) as client:
            client.set("kept", "1")
            server.stop()
            with pytest.raises(RedisUnavailable, match="does not answer"), redis_errors(client):
                client.get("kept")
            server.restart()
            assert client.get("kept") == b"1"


def test_a_client_finds_another_server_when_the_one_it_found_is_gone(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with ThrowawayRedis() as local:
        monkeypatch.setenv("LABKIT_LOCAL_REDIS", local.url)
        with connect() as client:
            client.set("a", 1)
            local.kill()
            with pytest.raises(redis.exceptions.ConnectionError):
                client.get("a")
            assert client.get("a") is None
            assert "***" in repr(client)


def test_a_command_whose_reply_is_lost_is_not_repeated(root: Path) -> None:
    asked = []

    class Mute(socketserver.BaseRequestHandler):
        """Agrees to everything, and says nothing to an INCRBY."""

        def handle(self) -> None:
            while data := self.request.recv(65536):
                commands = re.findall(rb"\*\d+\r\n\$\d+\r\n(\w+)", data)
                asked.extend(commands)
                self.request.sendall(b"+OK\r\n" * sum(name != b"INCRBY" for name in commands))

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Mute) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        url = f"redis://127.0.0.1:{server.server_address[1]}/12"
        client = connect(Settings(redis_url=url, network_timeout=0.1))
        with client, pytest.raises(RedisUnavailable, match="in time"), redis_errors(client):
            client.incr("n")
        server.shutdown()
        thread.join()
    assert asked.count(b"INCRBY") == 1


class TestErrors:
    """What ``redis_errors`` makes of Redis's own."""

    def test_wrong_password(self, root: Path) -> None:
        with ThrowawayRedis(password=True) as server:
            for userinfo in ("", f":{SECRET}@"):
                url = f"redis://{userinfo}127.0.0.1:{server.port}/12"
                with pytest.raises(RedisRefused, match="password") as caught:
                    find(Settings(redis_url=url))
                assert SECRET not in str(caught.value)

    def test_no_permission(self, root: Path) -> None:
        with ThrowawayRedis() as server:
            server.client().execute_command(
                "ACL", "SETUSER", "ann", "on", ">pw", "+ping", "+select"
            )
            settings = Settings(redis_url=f"redis://ann:pw@127.0.0.1:{server.port}/12")
            assert find(settings).version == "unknown"
            client = connect(settings)
            with client, pytest.raises(RedisRefused, match="permit"), redis_errors(client):
                client.set("a", 1)

    def test_out_of_memory(self, root: Path) -> None:
        with ThrowawayRedis(config={"maxmemory": "1"}) as server:
            client = connect(Settings(redis_url=server.url))
            with client, pytest.raises(RedisRefused, match="maxmemory"), redis_errors(client):
                client.set("a", "x")

    def test_out_of_memory_inside_a_script(self, root: Path) -> None:
        with ThrowawayRedis(config={"maxmemory": "1"}) as server:
            client = connect(Settings(redis_url=server.url))
            with client, pytest.raises(RedisRefused, match="maxmemory"), redis_errors(client):
                client.eval("return redis.call('SET', KEYS[1], 'x')", 1, "a")

    def test_wrong_type(self, settings: Settings) -> None:
        client = connect(settings)
        client.set("a", 1)
        with client, pytest.raises(RedisRefused, match="another type"), redis_errors(client):
            client.lpush("a", 1)

    def test_no_such_database(self, redis_url: str, root: Path) -> None:
        settings = Settings(redis_url=redis_url.removesuffix("12") + "99")
        with pytest.raises(RedisRefused, match="number"):
            find(settings)

    def test_others_stay_what_they_are(self, settings: Settings) -> None:
        client = connect(settings)
        with client, pytest.raises(redis.exceptions.ResponseError), redis_errors(client):
            client.eval("return redis.call('NOSUCH')", 0)
        with pytest.raises(ZeroDivisionError), redis_errors(client):
            1 / 0  # noqa: B018
