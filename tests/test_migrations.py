"""The schema's history: it ends where the models are, may be raced, repeated, and killed."""

from __future__ import annotations

import logging
import subprocess
import sys
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Engine, MetaData, inspect, text
from sqlmodel import SQLModel

from labkit import database, migrations
from labkit.database import create_tables, engine
from labkit.errors import DatabaseNotReady
from labkit.models import Log, Task
from tests.support import BOTH

LABKITS = ["0001 create tasks", "0002 create logs"]


@pytest.fixture
def empty(backend: str) -> Engine:
    """An empty database of each kind."""
    return engine()


def write_migration(work: Path, revision: str, body: str, down: str | None = None) -> None:
    versions = work / "migrations" / "versions"
    versions.mkdir(parents=True, exist_ok=True)
    (versions / f"{revision}.py").write_text(
        f'"""{revision}."""\nfrom alembic import op\nimport sqlalchemy as sa\n'
        f"revision = {revision!r}\ndown_revision = {down!r}\n\ndef upgrade():\n    {body}\n"
    )


@BOTH
def test_they_end_where_the_models_are(empty: Engine) -> None:
    assert migrations.upgrade(empty) == LABKITS
    ours = MetaData()
    for model in (Task, Log):
        inspect(model).local_table.to_metadata(ours)
    with empty.connect() as connection:
        context = MigrationContext.configure(
            connection, opts={"version_table": migrations.VERSION_TABLE, "compare_type": True}
        )
        assert compare_metadata(context, ours) == []
        for table in ours.sorted_tables:
            wanted = {str(c.name) for c in table.constraints if c.name and "_" in str(c.name)}
            there = {c["name"] for c in inspect(connection).get_check_constraints(table.name)}
            assert wanted <= there


@BOTH
def test_a_second_run_does_nothing(empty: Engine) -> None:
    assert migrations.pending(empty) == LABKITS
    migrations.upgrade(empty)
    assert migrations.upgrade(empty) == migrations.pending(empty) == []


@BOTH
def test_alembics_and_the_programs_loggers_are_left_alone(empty: Engine) -> None:
    before = [
        (logger.level, logger.handlers[:])
        for logger in (logging.root, logging.getLogger("alembic"))
    ]
    mine = logging.getLogger("mine")
    migrations.upgrade(empty)
    assert before == [
        (logger.level, logger.handlers) for logger in (logging.root, logging.getLogger("alembic"))
    ]
    assert not mine.disabled


@BOTH
def test_four_processes_at_once_make_each_table_once(empty: Engine) -> None:
    code = (
        "import sys; from labkit.database import create_tables, using\n"
        "from sqlalchemy import make_url\n"
        "with using(make_url(sys.argv[1])): create_tables()"
    )
    url = empty.url.render_as_string(hide_password=False)
    racers = [
        subprocess.Popen([sys.executable, "-c", code, url], stderr=subprocess.PIPE, text=True)
        for _ in range(4)
    ]
    said = [racer.communicate(timeout=100)[1] for racer in racers]
    assert [racer.returncode for racer in racers] == [0] * 4, said
    assert migrations.pending(empty) == []


@BOTH
def test_one_that_fails_half_way_leaves_the_schema_as_it_was(empty: Engine, root: Path) -> None:
    write_migration(
        root,
        "1",
        "op.create_table('half', sa.Column('id', sa.Integer())); raise RuntimeError('no')",
    )
    with pytest.raises(RuntimeError, match="no"):
        migrations.upgrade_all(empty, root)
    tables = inspect(empty).get_table_names()
    assert "half" not in tables
    assert "tasks" in tables
    assert migrations.pending(empty, root) == ["1 1"]


@BOTH
def test_a_schema_from_the_future_is_refused(empty: Engine) -> None:
    migrations.upgrade(empty)
    with empty.begin() as connection:
        connection.execute(text(f"UPDATE {migrations.VERSION_TABLE} SET version_num = '9999'"))
    with pytest.raises(DatabaseNotReady, match="'9999'"):
        create_tables()


class TestTheLearners:
    @BOTH
    def test_have_their_own_version_table_and_run_behind_labkits(
        self, empty: Engine, root: Path
    ) -> None:
        work = root / "work"
        write_migration(
            work,
            "1",
            "op.create_table('app_notes', sa.Column('a', sa.Integer, sa.ForeignKey('tasks.id')))",
        )
        write_migration(work, "2", "op.add_column('app_notes', sa.Column('text', sa.Text()))", "1")
        assert migrations.pending(empty, work) == [*LABKITS, "1 1", "2 2"]
        assert migrations.upgrade_all(empty, work) == [*LABKITS, "1 1", "2 2"]
        assert migrations.upgrade_all(empty, work) == []
        with empty.connect() as connection:
            rows = connection.execute(text("SELECT version_num FROM app_alembic_version")).all()
        assert [tuple(row) for row in rows] == [("2",)]

    @BOTH
    def test_none_are_none(self, empty: Engine, root: Path) -> None:
        assert migrations.upgrade_all(empty, root / "work") == LABKITS
        (root / "work" / "migrations" / "versions").mkdir(parents=True)
        assert migrations.upgrade_all(empty, root / "work") == []

    def test_may_alter_a_table_that_others_refer_to(self, root: Path) -> None:
        create_tables()
        with engine().begin() as connection:
            connection.exec_driver_sql("INSERT INTO tasks VALUES (1, 'kept', '2026-01-01')")
            connection.exec_driver_sql("INSERT INTO logs VALUES (1, 1, 'kept', '2026-01-01')")
        change = (
            "with op.batch_alter_table('tasks') as t:\n"
            "        t.alter_column('title', nullable=True)"
        )
        write_migration(root, "1", change)
        migrations.upgrade_all(engine(), root)
        with engine().connect() as connection:
            assert connection.exec_driver_sql("SELECT title, message FROM tasks, logs").all() == [
                ("kept", "kept")
            ]
            assert connection.exec_driver_sql("PRAGMA foreign_keys").scalar() == 1
        write_migration(root, "2", "op.execute('DELETE FROM tasks')", "1")
        with pytest.raises(DatabaseNotReady, match="without the row of 'tasks'"):
            migrations.upgrade_all(engine(), root)
        assert migrations.pending(engine(), root) == ["2 2"]
        database.close()


def test_the_versions_are_shipped_with_the_package() -> None:
    folder = Path(migrations.__file__).parent / "versions"
    assert len(list(folder.glob("*.py"))) == len(LABKITS)
    assert migrations.head(folder) == "0002"
    assert SQLModel.metadata.tables.keys() >= {"tasks", "logs"}
