"""Fixtures: a real Redis that is thrown away, a root of one's own, and no hidden CRITICAL."""

from __future__ import annotations

import logging
import os
import sys
from typing import TYPE_CHECKING
from uuid import uuid4

import dramatiq
import pytest

from labkit import database
from labkit.broker import LabBroker
from labkit.ledger.reader import Ledger
from labkit.postgres_throwaway import ThrowawayPostgres
from labkit.redis_private import PrivateRedis
from labkit.redis_server import ThrowawayRedis
from labkit.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from labkit.widgets import JobBoard
    from tests.support_widgets import FakePage

# Not even a test that forgets its root may reach a Redis that somebody else runs here.
os.environ["LABKIT_LOCAL_REDIS"] = ""

CONFIG = """\
# The root of one test.
concurrency = 2
queues = ["default"]
"""


@pytest.fixture(scope="session")
def throwaway_redis() -> Iterator[ThrowawayRedis]:
    """One server for the session (under xdist: for the worker). Use ``redis_url`` to get it clean.

    A test that kills or configures a server starts a ThrowawayRedis of its own.
    """
    with ThrowawayRedis() as server:
        yield server


@pytest.fixture
def redis_url(throwaway_redis: ThrowawayRedis) -> str:
    """The address of an empty Redis."""
    with throwaway_redis.client() as client:
        client.flushall()
    return throwaway_redis.url


@pytest.fixture
def broker(redis_url: str) -> Iterator[LabBroker]:
    """A LabBroker on that Redis."""
    broker = LabBroker(url=redis_url)
    yield broker
    broker.client.close()


@pytest.fixture
def ledger(redis_url: str) -> Iterator[Ledger]:
    """The ledger there, as for an application that labkit did not write."""
    ledger = Ledger(redis_url)
    yield ledger
    ledger.client.close()


@pytest.fixture
def board(redis_url: str) -> Iterator[JobBoard]:
    """A board of that Redis, with five jobs on a page."""
    from labkit.widgets import JobBoard  # what needs no board shall not wait for Jupyter

    board = JobBoard(redis_url, limit=5)
    yield board
    board.close()


@pytest.fixture
def page(board: JobBoard) -> FakePage:
    """A page that shows the board."""
    from tests.support_widgets import FakePage

    page = FakePage(board)
    page.wait_until(lambda view: view["counts"])
    return page


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A root of its own, as current directory and as LABKIT_HOME, with no setting from outside.

    No Redis is set: the test gets a private server if it asks for one, and never whatever answers
    on this machine's port 6379.
    """
    folder = tmp_path / "root"
    folder.mkdir()
    (folder / "labkit.toml").write_text(CONFIG)
    for name in list(os.environ):
        if name.startswith("LABKIT_") or name in {"REDIS_URL", "DATABASE_URL"}:
            monkeypatch.delenv(name)
    monkeypatch.setenv("LABKIT_HOME", str(folder))
    monkeypatch.setenv("LABKIT_LOCAL_REDIS", "")
    monkeypatch.setenv("LABKIT_REDIS_LINGER", "0.3")
    monkeypatch.chdir(folder)
    yield folder
    PrivateRedis(folder / ".labkit").release()


@pytest.fixture
def settings(root: Path, redis_url: str, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """Settings of that root, with REDIS_URL as the empty Redis, also for child processes."""
    monkeypatch.setenv("REDIS_URL", redis_url)
    return Settings()


@pytest.fixture
def backend(
    request: pytest.FixtureRequest, root: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[str]:
    """The kind of that root's database: SQLite, or what a test asks for (``BOTH``)."""
    kind = getattr(request, "param", "sqlite")
    if kind == "postgresql":
        monkeypatch.setenv("DATABASE_URL", request.getfixturevalue("postgres_url"))
    yield kind
    database.close()


@pytest.fixture
def tables(backend: str) -> None:
    """A database of that root with labkit's tables, empty; its connections are closed behind it."""
    database.create_tables()


@pytest.fixture(scope="session")
def postgres() -> Iterator[ThrowawayPostgres]:
    """One PostgreSQL server for the session (under xdist: for the worker)."""
    with ThrowawayPostgres() as server:
        yield server


@pytest.fixture
def postgres_url(postgres: ThrowawayPostgres) -> str:
    """The address of an empty PostgreSQL database, made for this test."""
    return postgres.new_database(f"test_{uuid4().hex}")


class _Criticals(logging.Handler):
    def __init__(self) -> None:
        super().__init__(logging.CRITICAL)
        self.messages: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.messages.append(f"{record.name}: {record.getMessage()}")


@pytest.fixture(autouse=True)
def no_critical_records(request: pytest.FixtureRequest) -> Iterator[None]:
    """Fail a test during which anything was logged as CRITICAL.

    Dramatiq logs an exception in a middleware so and goes on: without this, nobody would know.
    """
    handler = _Criticals()
    logging.getLogger().addHandler(handler)
    yield
    logging.getLogger().removeHandler(handler)
    if request.node.get_closest_marker("allow_critical"):
        return
    assert not handler.messages, "CRITICAL was logged:\n" + "\n".join(handler.messages)


@pytest.fixture(autouse=True)
def nothing_registered_stays() -> Iterator[None]:
    """Hooks, a learner's modules and the global broker are the process's: they go with a test."""
    _forget_the_courses_jobs()  # one that was imported while tests were collected
    modules = set(sys.modules)
    dramatiq.broker.global_broker = None
    hooks = sys.modules.get("labkit.hooks")
    before = set(hooks._hooks.values()) if hooks else set()
    yield
    if hooks := sys.modules.get("labkit.hooks"):
        for hook in set(hooks._hooks.values()) - before:
            hook.remove()
    _forget_the_courses_jobs()
    for name in set(sys.modules) - modules:
        if name.partition(".")[0] == "app":
            del sys.modules[name]
    dramatiq.broker.global_broker = None


def _forget_the_courses_jobs() -> None:
    if jobs := sys.modules.pop("labkit.jobs", None):
        for hook in sys.modules["labkit.hooks"]._hooks.values():
            if hook.callback is jobs.log_new_task:
                hook.remove()
