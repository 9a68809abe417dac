"""A Redis behind Sentinel: its address, a failover under load, and what replication may lose."""

from __future__ import annotations

import contextlib
import threading
import time
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import redis
from dramatiq import Message

from labkit.broker import LabBroker
from labkit.errors import ConfigurationError, LabkitError, RedisRefused, RedisUnavailable
from labkit.ledger.check import check
from labkit.ledger.reader import Ledger
from labkit.ledger.records import JobState
from labkit.redis_client import address_of, client_of, parse_redis_url
from labkit.redis_failover import ThrowawaySentinels
from labkit.redis_sentinel import SentinelSSLConnection
from labkit.redis_server import ThrowawayRedis, find
from labkit.settings import Settings, redact_url
from labkit.widgets import JobBoard
from labkit.worker import Worker
from tests.support import wait_until
from tests.support_proxy import LossyProxy
from tests.support_widgets import FakePage

if TYPE_CHECKING:
    from collections.abc import Iterator

#: Seconds after the master's death until all have to work again.
BACK = 10


# -- the address -----------------------------------------------------------------------------------


def test_an_address_names_sentinels_service_database_and_two_kinds_of_password() -> None:
    url = (
        "redis+sentinel://ann:p%40ss@one,two:2,[::1]:3/shop/5?sentinel_password=hush&client_name=x"
    )
    options = parse_redis_url(url)
    service = options.pop("connection_pool")
    assert service.address == "redis+sentinel://one:26379,two:2,[::1]:3/shop/5"
    assert service._options["password"] == "hush"
    assert (options["username"], options["password"], options["db"]) == ("ann", "p@ss", 5)
    assert options["client_name"] == "x"
    assert "sentinel_password" not in options
    assert "p%40ss" not in redact_url(url)
    assert "hush" not in redact_url(url)


def test_with_tls_both_the_sentinels_and_redis_are_spoken_to_so() -> None:
    options = parse_redis_url("rediss+sentinel://one/shop?ssl_ca_certs=/some/ca.crt")
    assert options["connection_class"] is SentinelSSLConnection
    assert options["ssl_ca_certs"] == "/some/ca.crt"
    asking = options["connection_pool"]._options
    assert asking["ssl"] is True
    assert asking["ssl_ca_certs"] == "/some/ca.crt"


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("redis+sentinel://one,two", "name of the service"),
        ("redis+sentinel://one,/shop", "no HOST"),
        ("redis+sentinel://one/shop/first", "no number"),
        ("redis+sentinel://:hunter2@one:port/shop", "one:port"),
    ],
)
def test_an_address_that_cannot_be_is_told(url: str, why: str) -> None:
    with pytest.raises(ConfigurationError, match=why) as caught:
        client_of(url)
    assert "hunter2" not in str(caught.value)


def test_sentinels_that_do_not_answer_are_named() -> None:
    url = "redis+sentinel://:hunter2@127.0.0.1:1/shop"
    with pytest.raises(RedisUnavailable, match=r"127\.0\.0\.1:1/shop.*refused") as caught:
        Ledger(url).counts()
    assert "hunter2" not in str(caught.value)


# -- a failover ------------------------------------------------------------------------------------


class Producer:
    """Sends as fast as Redis takes it, and notes what was accepted."""

    def __init__(self, broker: LabBroker) -> None:
        self.broker = broker
        self.accepted: list[tuple[float, str]] = []
        self.refused: list[str] = []
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> Producer:
        self._thread.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._stopping.set()
        self._thread.join(10)

    def _run(self) -> None:
        number = 0
        while not self._stopping.wait(0.001):
            number += 1
            try:
                sent = self.broker.enqueue(Message("default", "count", (number,), {}, {}))
            except LabkitError as error:
                self.refused.append(str(error))
                self._stopping.wait(0.02)
            else:
                self.accepted.append((time.monotonic(), sent.message_id))

    def since(self, when: float) -> list[str]:
        return [job_id for at, job_id in self.accepted if at > when]


@pytest.mark.parametrize("replicas", [0, pytest.param(1, marks=pytest.mark.slow)])
@pytest.mark.allow_critical
def test_worker_producer_and_board_follow_a_failover_under_load(
    replicas: int, root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # With a replica to wait for, one has to be left when the other has become the master.
    with ThrowawaySentinels(1 + replicas, password="p@ss:w/rd") as sentinels:
        fail_over(sentinels, replicas, tmp_path, monkeypatch)


def fail_over(
    sentinels: ThrowawaySentinels, replicas: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tally = tmp_path / "tally"
    tally.touch()
    monkeypatch.setenv("REDIS_URL", sentinels.url)
    monkeypatch.setenv("LABKIT_WAIT_REPLICAS", str(replicas))
    monkeypatch.setenv("TALLY", str(tally))
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[1]))
    broker, ledger, board = LabBroker(), Ledger(), JobBoard()
    page = FakePage(board)
    assert find(Settings()).url == sentinels.url
    with Worker.start(processes=2, module="tests.tally_app") as worker:
        with Producer(broker) as producer:
            wait_until(lambda: len(tally.read_text().split("\n")) > 200, description="it runs")
            page.wait_until(lambda view: view["counts"]["completed"] > 0)
            sentinels.master.kill()
            died = time.monotonic()
            wait_until(lambda: producer.since(died), BACK, "the producer is back")
            producer_back = time.monotonic() - died
            [first, *_] = producer.since(died)
            page.wait_until(lambda view: view["live"] is True and "since" not in view, BACK)
            board_back = time.monotonic() - died

            def is_done() -> bool:
                job = ledger.job(first)
                return job is not None and job.state is JobState.COMPLETED

            wait_until(is_done, BACK - (time.monotonic() - died), "the worker is back")
            worker_back = time.monotonic() - died
            wait_until(lambda: len(producer.since(died)) > 200, description="all goes on")
        wait_until(lambda: not ledger.counts()[JobState.ENQUEUED], 20, "the queue is empty")
        wait_until(lambda: not ledger.counts()[JobState.RUNNING], 20, "nothing runs")
        page.wait_until(lambda view: view["counts"] == {**view["counts"], "enqueued": 0})
        assert len(ledger.workers()) == 2
        assert "died" not in worker.log()  # neither took the other for dead
    board.close()
    assert check(ledger) == []
    before = [job_id for at, job_id in producer.accepted if at <= died]
    unknown = {job_id for _, job_id in producer.accepted if ledger.job(job_id) is None}
    ran = Counter(line.split()[0] for line in tally.read_text().splitlines())
    again = sum(count - 1 for count in ran.values())
    print(
        f"WAIT {replicas}: {len(before)} accepted before, {len(producer.accepted)} in all, "
        f"{len(unknown)} unknown behind it, {again} ran twice; back after "
        f"{producer_back:.1f} s (producer), {worker_back:.1f} s (worker), "
        f"{board_back:.1f} s (board)"
    )
    # Replication is a stream: what it has not yet carried is the end of what was accepted.
    assert unknown == set(before[len(before) - len(unknown) :])
    assert {
        ledger.job(job_id).state for _, job_id in producer.accepted if job_id not in unknown
    } == {  # type: ignore[union-attr]
        JobState.COMPLETED
    }
    if replicas:
        assert not unknown
    assert "sentinel" in address_of(broker.client)
    assert producer.refused


@pytest.mark.slow
@pytest.mark.allow_critical
def test_one_that_asks_for_passwords_and_whose_old_master_comes_back(root: Path) -> None:
    with ThrowawaySentinels(password="p@ss:w/rd") as sentinels:
        broker, ledger = LabBroker(url=sentinels.url), Ledger(sentinels.url)
        first = broker.enqueue(Message("default", "count", (1,), {}, {}))
        assert broker.client.wait(1, 5_000) == 1
        sentinels.master.kill()
        sentinels.wait_for_failover()
        sentinels.master.restart()  # for some seconds it takes itself for a master
        second = broker.enqueue(Message("default", "count", (2,), {}, {}))
        old = sentinels.master.client()

        def is_replica() -> bool:
            with contextlib.suppress(redis.ConnectionError):  # it cuts everybody off as it changes
                return bool(old.role()[0] == b"slave")
            return False

        assert ledger.counts()[JobState.ENQUEUED] == 2
        wait_until(is_replica, 30, "the old master follows the new one")
        assert [job.id for job in ledger.jobs("enqueued")] == [first.message_id, second.message_id]
        assert "ss:w" not in repr(sentinels) + repr(ledger) + repr(broker.client)
        wrong = sentinels.url.replace("sentinel_password=p%40ss", "sentinel_password=wr%40ng")
        with pytest.raises(RedisUnavailable, match="no sentinel names"):
            Ledger(wrong).counts()
        broker.client.close()
        ledger.client.close()


# -- what replication may lose ---------------------------------------------------------------------


@pytest.fixture
def broken_off() -> Iterator[tuple[ThrowawayRedis, ThrowawayRedis, LossyProxy]]:
    """A master, its replica, and the line between them."""
    config = {"repl-diskless-sync-delay": "0", "repl-ping-replica-period": "1"}
    with (
        ThrowawayRedis(db=0, config=config) as master,
        LossyProxy(master.url) as line,
        ThrowawayRedis(db=0, config={**config, "replicaof": f"127.0.0.1 {line.port}"}) as replica,
    ):
        client = replica.client()
        wait_until(lambda: client.role()[3] == b"connected", description="the replica follows")
        yield master, replica, line


def send(broker: LabBroker, count: int, pace: float = 0) -> tuple[list[str], LabkitError | None]:
    """Send up to the first that is refused: the ids of what was accepted, and the refusal."""
    accepted = []
    for number in range(count):
        try:
            sent = broker.enqueue(Message("default", "count", (number,), {}, {}))
        except LabkitError as error:
            return accepted, error
        accepted.append(sent.message_id)
        time.sleep(pace)
    return accepted, None


@pytest.mark.parametrize("how", ["as it comes", "min-replicas-to-write", "WAIT"])
def test_jobs_lost_when_the_line_to_the_replica_breaks_and_then_the_master(
    how: str, broken_off: tuple[ThrowawayRedis, ThrowawayRedis, LossyProxy]
) -> None:
    master, replica, line = broken_off
    settings = master.client()
    if how == "min-replicas-to-write":
        settings.config_set("min-replicas-max-lag", 1)
        settings.config_set("min-replicas-to-write", 1)
    broker = LabBroker(url=f"{master.url}?socket_timeout=1")
    broker.wait_replicas = int(how == "WAIT")
    before, _ = send(broker, 100)
    wait_until(lambda: settings.wait(1, 10), description="the replica has all of it")
    line.freeze()
    behind, refusal = send(broker, 300, pace=0.01)
    master.kill()
    survivor = replica.client()
    survivor.execute_command("REPLICAOF", "NO", "ONE")
    ledger = Ledger(replica.url)
    lost = [job_id for job_id in before + behind if ledger.job(job_id) is None]
    print(f"{how}: {len(behind)} accepted with the line broken, {len(lost)} lost")
    assert not set(lost) & set(before)
    if how == "as it comes":
        assert refusal is None
        assert lost == behind != []
    elif how == "WAIT":
        assert not behind
        assert isinstance(refusal, RedisUnavailable)
        assert "0 replicas" in str(refusal)
    else:
        assert isinstance(refusal, RedisRefused)
        assert "min-replicas-to-write" in str(refusal)
        assert lost == behind
    broker.client.close()
    ledger.client.close()
