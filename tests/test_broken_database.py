"""A database that is locked, damaged, half migrated or on a full disk: one clear error, no loss."""

from __future__ import annotations

import signal
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import dramatiq
import pytest
from sqlalchemy import inspect
from sqlmodel import select

from labkit import database, migrations
from labkit.actors import actor
from labkit.broker import LabBroker
from labkit.errors import DatabaseNotReady
from labkit.ledger.reader import Ledger
from labkit.ledger.records import JobState
from labkit.models import Log, Task
from tests.support_disk import fill, small_disk
from tests.support_jobs import quick_retries, running_worker, wait_for_state
from tests.test_migrations import write_migration

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def file(tables: None) -> Path:
    return Path(str(database.address().database))


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A writer waits a tenth of a second for another, in place of half a minute."""
    database.close()
    monkeypatch.setattr(database, "BUSY_TIMEOUT", 0.1)


@pytest.mark.usefixtures("impatient")
class TestLocked:
    def test_it_is_told_and_the_row_can_be_saved_afterwards(self, file: Path) -> None:
        with sqlite3.connect(file, isolation_level=None) as other:
            other.execute("BEGIN EXCLUSIVE")
            with pytest.raises(DatabaseNotReady, match="locked by another program"):
                save("while it is locked")
            other.execute("ROLLBACK")
        other.close()
        save("afterwards")
        assert titles() == ["afterwards"]

    def test_a_job_that_meets_it_is_retried_and_done_once(self, file: Path, redis_url: str) -> None:
        broker, ledger = LabBroker(url=redis_url), Ledger(redis_url)
        dramatiq.set_broker(broker)
        quick_retries(broker, max_retries=1_000)

        @actor(broker=broker)
        def write(title: str) -> None:
            save(title)

        with sqlite3.connect(file, isolation_level=None) as other, running_worker(broker):
            other.execute("BEGIN EXCLUSIVE")
            sent = write.send("from the job")
            wait_for_state(ledger, sent.message_id, JobState.RETRYING)
            other.execute("ROLLBACK")
            job = wait_for_state(ledger, sent.message_id, JobState.COMPLETED)
        other.close()
        assert "locked by another program" in str(job.attempts[0].error)
        assert titles() == ["from the job"]

    def test_nor_can_it_be_migrated(self, root: Path) -> None:
        file = Path(str(database.address().database))
        file.parent.mkdir(exist_ok=True)
        with sqlite3.connect(file, isolation_level=None) as other:
            other.execute("BEGIN EXCLUSIVE")
            with pytest.raises(DatabaseNotReady, match="locked"):
                database.create_tables()
            other.execute("ROLLBACK")
        other.close()
        database.create_tables()
        database.close()


def test_a_damaged_file_is_told(root: Path) -> None:
    file = Path(str(database.address().database))
    file.parent.mkdir(exist_ok=True)
    file.write_bytes(b"no database at all, and longer than its header" * 100)
    with pytest.raises(DatabaseNotReady, match="is damaged, or is no database"):
        database.create_tables()
    database.close()


class TestHalfMigrated:
    def test_one_that_is_killed_half_way_leaves_the_schema_as_it_was(
        self, tables: None, root: Path
    ) -> None:
        half = "op.create_table('half', sa.Column('id', sa.Integer()))"
        write_migration(
            root, "1", f"{half}; import os; os.kill(os.getpid(), {int(signal.SIGKILL)})"
        )
        program = (
            "from pathlib import Path; from labkit import database, migrations\n"
            "migrations.upgrade_all(database.engine(), Path.cwd())"
        )
        killed = subprocess.run([sys.executable, "-c", program], cwd=root, check=False)
        assert killed.returncode == -signal.SIGKILL
        engine = database.engine()
        assert "half" not in inspect(engine).get_table_names()
        assert migrations.pending(engine, root) == ["1 1"]
        write_migration(root, "1", half)
        migrations.upgrade_all(engine, root)
        assert "half" in inspect(engine).get_table_names()

    def test_a_table_that_no_migration_has_noted_is_told(self, root: Path) -> None:
        file = Path(str(database.address().database))
        file.parent.mkdir(exist_ok=True)
        with sqlite3.connect(file) as other:
            other.execute("CREATE TABLE tasks (id INTEGER)")
        other.close()
        with pytest.raises(DatabaseNotReady, match="a table that a migration is to make"):
            database.create_tables()
        assert inspect(database.engine()).get_table_names() == ["tasks"]
        database.close()


class TestFullDisk:
    @pytest.fixture
    def disk(self, tmp_path: Path) -> Iterator[Path]:
        with small_disk(tmp_path / "disk") as disk:
            yield disk

    def test_it_is_told_what_was_saved_stays_and_it_goes_on_with_room(
        self, disk: Path, root: Path
    ) -> None:
        with database.using(f"sqlite:///{disk / 'full.sqlite3'}"):
            database.create_tables()
            save("before")
            ballast = fill(disk)
            with pytest.raises(DatabaseNotReady, match="its disk"):
                save_many(1_000)
            kept = titles()
            assert kept[0] == "before"
            ballast.unlink()
            save("after")
            assert titles() == [*kept, "after"]
        database.close()


def save(title: str) -> None:
    with database.session() as db:
        db.add(Task(title=title))


def save_many(count: int) -> None:
    for number in range(count):
        save(f"{number} " + "x" * 200)


def titles() -> list[Any]:
    with database.session() as db:
        assert db.exec(select(Log)).all() == []
        return list(db.exec(select(Task.title).order_by("id")).all())
