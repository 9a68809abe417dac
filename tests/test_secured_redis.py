"""A Redis behind TLS with a CA of its own, and a user who may do little beyond one namespace."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

import pytest
from dramatiq import Message

from labkit import tether
from labkit.broker import LabBroker
from labkit.errors import RedisRefused, RedisUnavailable
from labkit.ledger.check import check
from labkit.ledger.reader import Ledger
from labkit.ledger.records import JobState
from labkit.redis_process import HOST, find_binary, free_port, write_config
from labkit.redis_server import ThrowawayRedis, find
from labkit.settings import Settings
from labkit.widgets import JobBoard
from labkit.worker import Worker
from tests.support import wait_until
from tests.support_jobs import wait_for_state

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

PASSWORD = "p@ss:w/rd"
#: What a worker needs, and nothing beyond its own keys. Scripts name their namespace as a key, too,
#: as those of Dramatiq do.
RULES = ("~shop", "~shop:*", "resetchannels", "+@all", "-@admin", "-@dangerous", "+info")
JOBS = """
from labkit import actor

@actor(max_retries=0)
def add(one, two):
    print("added", one + two)
"""


def openssl(*words: str, folder: Path) -> None:
    subprocess.run(["openssl", *words], cwd=folder, check=True, capture_output=True)


def certify(folder: Path, name: str) -> Path:
    """A CA and a certificate for 127.0.0.1 that it signed; the CA's own certificate."""
    openssl(
        *f"req -x509 -newkey rsa:2048 -nodes -keyout {name}-ca.key -out {name}-ca.crt".split(),
        *("-days", "2", "-subj", "/CN=a CA of our own"),
        folder=folder,
    )
    openssl(
        *f"req -newkey rsa:2048 -nodes -keyout {name}.key -out {name}.csr".split(),
        *("-subj", "/CN=redis"),
        folder=folder,
    )
    (folder / "names").write_text("subjectAltName=IP:127.0.0.1")
    openssl(
        *f"x509 -req -in {name}.csr -CA {name}-ca.crt -CAkey {name}-ca.key -CAcreateserial".split(),
        *f"-out {name}.crt -days 2 -extfile names".split(),
        folder=folder,
    )
    return folder / f"{name}-ca.crt"


def tls(folder: Path, port: int) -> dict[str, str]:
    """The lines of a server's configuration for TLS at ``port``, with what ``certify`` made."""
    return {
        "tls-port": str(port),
        "tls-cert-file": str(folder / "redis.crt"),
        "tls-key-file": str(folder / "redis.key"),
        "tls-ca-cert-file": str(folder / "redis-ca.crt"),
        "tls-auth-clients": "no",
    }


@pytest.fixture(scope="module")
def secured(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[ThrowawayRedis, str, Path]]:
    """A server, the address that TLS has there without a user in it, and the CA's certificate."""
    folder = tmp_path_factory.mktemp("tls")
    ca, port = certify(folder, "redis"), free_port()
    try:
        server = ThrowawayRedis(db=0, config=tls(folder, port)).__enter__()
    except RedisUnavailable as error:
        pytest.skip(f"this redis-server has no TLS: {error}")
    with server.client() as client:
        client.execute_command("ACL", "SETUSER", "ann", "on", f">{PASSWORD}", *RULES)
        client.execute_command("ACL", "SETUSER", "eve", "on", f">{PASSWORD}", "~shop:*", "+@read")
    yield server, f"127.0.0.1:{port}/0", ca
    server.__exit__(None, None, None)


def address(secured: tuple[ThrowawayRedis, str, Path], user: str = "ann") -> str:
    _, place, ca = secured
    return f"rediss://{user}:{quote(PASSWORD, safe='')}@{place}?ssl_ca_certs={ca}"


def test_a_worker_and_a_board_of_a_user_with_few_rights_over_tls(
    secured: tuple[ThrowawayRedis, str, Path], root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = address(secured)
    monkeypatch.setenv("REDIS_URL", url)
    monkeypatch.setenv("LABKIT_NAMESPACE", "shop")
    (root / "some_jobs.py").write_text(JOBS)
    assert find(Settings()).url == url
    broker, ledger = LabBroker(), Ledger()
    messages = [Message("default", "add", (1, two), {}, {}) for two in (2, "three")]
    with Worker.start(module="some_jobs") as worker:
        good, bad = broker.enqueue(messages[0]), broker.enqueue(messages[1])
        later = broker.enqueue(Message("default", "add", (4, 5), {}, {}), delay=200)
        wait_for_state(ledger, good.message_id, JobState.COMPLETED)
        wait_for_state(ledger, bad.message_id, JobState.DEAD)
        wait_for_state(ledger, later.message_id, JobState.COMPLETED)
        assert len(ledger.workers()) == 1
    board = JobBoard()
    shown = board.snapshot().html
    board.close()
    for said in (worker.log(), shown, repr(find(Settings())), repr(ledger), repr(broker.client)):
        assert PASSWORD not in said
        assert quote(PASSWORD, safe="") not in said
    assert "CRITICAL" not in worker.log()
    assert "TypeError" in shown
    assert check(Ledger(client=secured[0].client(), namespace="shop")) == []
    broker.client.close()


def test_a_user_who_may_only_read_is_refused_by_name(
    secured: tuple[ThrowawayRedis, str, Path],
) -> None:
    broker = LabBroker(url=address(secured, "eve"), namespace="shop")
    with pytest.raises(RedisRefused, match="permit") as refused:
        broker.enqueue(Message("default", "add", (1, 2), {}, {}))
    assert PASSWORD not in str(refused.value)
    broker.client.close()


def test_a_ca_that_did_not_sign_is_no_door(
    secured: tuple[ThrowawayRedis, str, Path], tmp_path: Path
) -> None:
    stranger = certify(tmp_path, "stranger")
    url = address((secured[0], secured[1], stranger))
    with pytest.raises(RedisUnavailable, match="certificate verify failed") as refused:
        Ledger(url, "shop").counts()
    assert PASSWORD not in str(refused.value)


def test_a_wrong_password_is_told_without_it(secured: tuple[ThrowawayRedis, str, Path]) -> None:
    url = address(secured).replace("p%40ss", "wr%40ng")
    with pytest.raises(RedisRefused, match="user name or password") as refused:
        Ledger(url, "shop").counts()
    assert "wr%40ng" not in str(refused.value)
    assert "wr@ng" not in str(refused.value)


def test_a_worker_over_a_unix_socket(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (root / "some_jobs.py").write_text(JOBS)
    config = {"unixsocket": str(tmp_path / "redis.sock"), "unixsocketperm": "700"}
    with ThrowawayRedis(password=True, config=config) as server:
        url = f"unix://:{server.password}@{tmp_path / 'redis.sock'}?db=3"
        monkeypatch.setenv("REDIS_URL", url)
        broker, ledger = LabBroker(), Ledger()
        with Worker.start(module="some_jobs"):
            sent = broker.enqueue(Message("default", "add", (1, 2), {}, {}))
            wait_for_state(ledger, sent.message_id, JobState.COMPLETED)
        with pytest.raises(RedisRefused, match="user name or password") as refused:
            Ledger(url.replace(f":{server.password}@", "")).counts()
        assert "redis.sock" in str(refused.value)
        broker.client.close()
        ledger.client.close()


def test_sentinels_and_their_master_over_tls(
    secured: tuple[ThrowawayRedis, str, Path], tmp_path: Path
) -> None:
    _, place, ca = secured
    port, config = free_port(), tmp_path / "sentinel.conf"
    options = {**tls(ca.parent, port), "bind": HOST, "port": "0", "dir": str(tmp_path)}
    # With it a sentinel speaks TLS to what it watches, too.
    options["tls-replication"] = "yes"
    master_port = place.partition(":")[2].partition("/")[0]
    write_config(config, options | {"sentinel": f"monitor shop {HOST} {master_port} 1"})
    with config.open("a", encoding="utf-8") as file:
        file.write(f'sentinel auth-user shop ann\nsentinel auth-pass shop "{PASSWORD}"\n')
    process = tether.start(
        [str(find_binary()), str(config), "--sentinel"], output=tmp_path / "sentinel.log"
    )
    url = f"rediss+sentinel://ann:{quote(PASSWORD, safe='')}@{HOST}:{port}/shop/0"
    try:
        broker = LabBroker(url=f"{url}?ssl_ca_certs={ca}", namespace="shop")
        ledger = Ledger(f"{url}?ssl_ca_certs={ca}", "shop")
        wait_until(lambda: not raises(ledger.counts), 10, "the sentinel names the master")
        ledger.clear()
        broker.enqueue(Message("default", "add", (1, 2), {}, {}))
        assert ledger.counts()[JobState.ENQUEUED] == 1
        with pytest.raises(RedisUnavailable, match="certificate verify failed") as caught:
            Ledger(url, "shop").counts()
        assert PASSWORD not in str(caught.value)
    finally:
        process.kill()


def raises(call: Callable[[], object]) -> bool:
    try:
        call()
    except RedisUnavailable:
        return True
    return False
