"""One command, one answer, in redis-cli's own form; held against redis-cli where there is one."""

from __future__ import annotations

import shlex
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from labkit.errors import LabkitError, RedisRefused, RedisUnavailable
from labkit.redis_console import ask
from labkit.redis_server import ThrowawayRedis
from labkit.settings import Settings

WRITES = [
    "SET text 'two words'",
    "RPUSH list 1 2 3 4 5 6 7 8 9 10",
    "HSET hash field 'a \"quoted\" value' back\\\\slash 'line\nbreak'",
    "ZADD by_time 1.5 early 1795463368463 late",
    "XADD stream 1-1 f v",
    "SET bytes é",
]
READS = [
    "PING",
    "GET text",
    "GET nothing",
    "TYPE text",
    "LRANGE list 0 -1",
    "LRANGE nothing 0 -1",
    "HGETALL hash",
    "ZRANGE by_time 0 -1 WITHSCORES",
    "XRANGE stream - +",
    "GET bytes",
    "DBSIZE",
    "LPUSH text 1",
    "NOSUCH",
    "EVAL 'return {1,{2,{}},false}' 0",
    "CONFIG GET maxmemory-policy",
]


@pytest.mark.skipif(shutil.which("redis-cli") is None, reason="there is no redis-cli to compare")
@pytest.mark.parametrize("command", READS)
def test_the_answer_is_the_one_of_redis_cli(redis_url: str, command: str) -> None:
    for write in WRITES:
        assert "(error)" not in ask(write, redis_url)
    ours = ask(command, redis_url)
    theirs = subprocess.run(
        ["redis-cli", "--no-raw", "-u", redis_url, *shlex.split(command)],
        text=True,
        capture_output=True,
        check=False,
    ).stdout
    assert ours == theirs.rstrip("\n")


def test_info_is_for_people_and_names_the_port(throwaway_redis: ThrowawayRedis) -> None:
    lines = ask("INFO server", throwaway_redis.url).splitlines()
    assert lines[0] == "# Server"
    assert f"tcp_port:{throwaway_redis.port}" in lines


def test_another_database_number(redis_url: str) -> None:
    ask("SET a 1", redis_url)
    assert ask("-n 3 DBSIZE", redis_url) == "(integer) 0"
    assert ask("-n 12 DBSIZE", redis_url) == "(integer) 1"
    assert ask("-n 99 DBSIZE", redis_url) == "(error) ERR DB index is out of range"


@pytest.mark.parametrize(
    "command",
    [
        "FLUSHDB",
        "flushall",
        "-n 3 FLUSHDB",
        "DEL a",
        "SHUTDOWN NOSAVE",
        "DEBUG SLEEP 0",
        "CONFIG SET save ''",
        "SWAPDB 0 1",
        "EVAL \"return redis.call('FLUSHALL')\" 0",
        "script flush",
    ],
)
def test_what_destroys_is_refused_on_a_server_that_is_not_ours(
    settings: Settings, redis_url: str, command: str
) -> None:
    # Given a Redis that the settings name, so it may be anybody's
    ask("SET a 1", redis_url)
    # When somebody asks for a command that destroys, and would say yes to any question
    with pytest.raises(RedisRefused, match=r"is refused here.*Ledger\(\)\.clear\(\)"):
        ask(command, confirm=lambda question: pytest.fail(f"it asked: {question}"))
    # Then nothing is asked, and nothing is gone
    assert ask("GET a") == '"1"'


@pytest.mark.parametrize("command", ["SCRIPT EXISTS abc", "MODULE LIST", "CONFIG GET save"])
def test_what_only_looks_is_not_refused(settings: Settings, command: str) -> None:
    assert "refused" not in ask(command)


def test_on_our_own_server_it_asks_and_does_as_it_is_told(root: Path) -> None:
    asked: list[str] = []

    def say(answer: bool) -> Callable[[str], bool]:
        return lambda question: not asked.append(question) and answer

    ask("MSET a 1 b 2")
    with pytest.raises(RedisRefused, match="DEL was not run: the answer was no"):
        ask("DEL a", confirm=say(False))
    assert ask("EXISTS a") == "(integer) 1"
    assert ask("DEL a", confirm=say(True)) == "(integer) 1"
    assert ask("-n 3 FLUSHDB", confirm=say(True)) == "OK"
    assert ask("DBSIZE") == "(integer) 1", "database 3 was flushed, and no other"
    assert ask("FLUSHALL", confirm=say(True)) == "OK"
    assert ask("DBSIZE") == "(integer) 0"
    assert asked[1:3] == [
        "Really run DEL a on this course's Redis?",
        "Really run FLUSHDB on this course's Redis, database 3?",
    ]


def test_a_question_shows_no_value(root: Path) -> None:
    with pytest.raises(RedisRefused, match="answer was no"):
        ask("CONFIG SET masterauth s3cret", confirm=lambda question: "s3cret" in question)


def test_where_nobody_can_be_asked_nothing_is_destroyed(root: Path) -> None:
    ask("SET a 1")
    with pytest.raises(RedisRefused, match="nobody can be asked"):
        ask("FLUSHDB")
    assert ask("GET a") == '"1"'


def test_a_throwaway_refuses_nothing(redis_url: str) -> None:
    ask("SET a 1", redis_url)
    assert ask("FLUSHALL", redis_url) == "OK"
    assert ask("DBSIZE", redis_url) == "(integer) 0"


@pytest.mark.parametrize("command", ["MONITOR", "subscribe news"])
def test_what_never_ends_is_refused_everywhere(redis_url: str, command: str) -> None:
    with pytest.raises(RedisRefused, match="has no end"):
        ask(command, redis_url)


@pytest.mark.parametrize("line", ["", "   ", "-n", "-n 3", "GET 'open"])
def test_a_line_that_is_no_command_is_told(redis_url: str, line: str) -> None:
    with pytest.raises(LabkitError, match="command"):
        ask(line, redis_url)


def test_the_password_never_shows() -> None:
    with ThrowawayRedis(password="p@ss/w0rd") as server:
        url = server.url.replace("p@ss/w0rd", "p%40ss%2Fw0rd")
        assert ask("CONFIG GET requirepass", url) == '1) "requirepass"\n2) "***"'
        assert ask("ECHO p@ss/w0rd", url) == '"***"'


def test_without_redis_it_says_what_to_do() -> None:
    with pytest.raises(RedisUnavailable, match="does not answer"):
        ask("PING", "redis://127.0.0.1:1/0")
