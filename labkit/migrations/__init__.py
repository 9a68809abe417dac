"""The schema's history, and the two ways to bring a database to its end.

labkit's own migrations stand in ``versions/``; the learner's in ``work/migrations/versions/``. Each
has its own version table, so neither waits for the other. Alembic runs both through ``env.py``.

A migration runs inside one transaction that holds the database's own lock: SQLite's write lock,
or an advisory lock of PostgreSQL. So two processes may start it at once, and one killed in the
middle leaves the schema as it was.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.script.revision import ResolutionError
from alembic.util.exc import CommandError
from sqlalchemy import Connection, Engine, func, select

from labkit.errors import DatabaseNotReady

HERE = Path(__file__).parent
VERSION_TABLE = "labkit_alembic_version"
APP_VERSION_TABLE = "app_alembic_version"
#: Any number will do for the advisory lock, as long as it stays the same.
LOCK = 1_818_321_515


def upgrade(engine: Engine) -> list[str]:
    """Run the migrations of labkit that the database lacks; returns their names, oldest first.

    Raises:
      DatabaseNotReady: the database was migrated by a newer labkit.
    """
    return _upgrade(engine, HERE / "versions", VERSION_TABLE)


def upgrade_all(engine: Engine, work: Path) -> list[str]:
    """The same for labkit and then for the migrations in ``work``, when there are any."""
    done = upgrade(engine)
    versions = work / "migrations" / "versions"
    if versions.is_dir():
        done += _upgrade(engine, versions, APP_VERSION_TABLE)
    return done


def rollback(engine: Engine, work: Path) -> str | None:
    """Undo the newest of the learner's migrations that the database has: Rails' db:rollback.

    Returns:
      str | None: its revision; ``None`` when the database has none.
    """
    versions = work / "migrations" / "versions"
    if not versions.is_dir():
        return None
    with (
        engine.connect() as connection,
        _migrating(connection, versions, APP_VERSION_TABLE) as config,
    ):
        here = _revision(connection, APP_VERSION_TABLE)
        if here is not None:
            command.downgrade(config, "-1")
    return here


def pending(engine: Engine, work: Path | None = None) -> list[str]:
    """The names of the migrations that ``upgrade`` (with ``work``: ``upgrade_all``) would run."""
    places = [(HERE / "versions", VERSION_TABLE)]
    if work is not None and (versions := work / "migrations" / "versions").is_dir():
        places.append((versions, APP_VERSION_TABLE))
    with engine.connect() as connection:
        return [name for place, table in places for name in _missing(connection, place, table)]


def head(versions: Path) -> str | None:
    """The newest revision in the folder ``versions``, ``None`` when it is empty."""
    return ScriptDirectory.from_config(_config(versions, APP_VERSION_TABLE)).get_current_head()


def _config(versions: Path, version_table: str) -> Config:
    config = Config()
    config.set_main_option("script_location", str(HERE).replace("%", "%%"))
    config.set_main_option("version_locations", str(versions).replace("%", "%%"))
    config.set_main_option("path_separator", "newline")
    config.attributes["version_table"] = version_table
    return config


def _revision(connection: Connection, version_table: str) -> str | None:
    context = MigrationContext.configure(connection, opts={"version_table": version_table})
    return context.get_current_revision()


def _missing(connection: Connection, versions: Path, version_table: str) -> list[str]:
    scripts = ScriptDirectory.from_config(_config(versions, version_table))
    here = _revision(connection, version_table)
    try:
        steps = list(scripts.iterate_revisions("head", here)) if scripts.get_current_head() else []
    except (CommandError, ResolutionError):
        raise DatabaseNotReady(
            f"The database is at the migration {here!r}, which is not in {versions}: something "
            "newer has migrated it. Update, or use another database."
        ) from None
    return [f"{step.revision} {step.doc.rstrip('.')}" for step in reversed(steps)]


def _upgrade(engine: Engine, versions: Path, version_table: str) -> list[str]:
    with engine.connect() as connection:
        if not _missing(connection, versions, version_table):
            return []
        connection.rollback()
        with _migrating(connection, versions, version_table) as config:
            missing = _missing(connection, versions, version_table)
            command.upgrade(config, "head")
    return missing


@contextmanager
def _migrating(connection: Connection, versions: Path, version_table: str) -> Iterator[Config]:
    """One transaction with the schema's lock; Alembic runs in it by the configuration given."""
    sqlite = connection.dialect.name == "sqlite"
    if sqlite:
        # Batch mode copies a table and drops the old one, which foreign keys would forbid.
        connection.exec_driver_sql("PRAGMA foreign_keys = OFF")
        connection.commit()
    try:
        with connection.begin():
            lock = "BEGIN IMMEDIATE" if sqlite else f"SELECT pg_advisory_xact_lock({LOCK})"
            connection.exec_driver_sql(lock)
            if not sqlite:
                _make_schema(connection)
            config = _config(versions, version_table)
            config.attributes["connection"] = connection
            yield config
            if sqlite:
                _check_references(connection)
    finally:
        if sqlite:
            connection.exec_driver_sql("PRAGMA foreign_keys = ON")


def _make_schema(connection: Connection) -> None:
    """Make the one schema that the address names (``database.address``), where it is missing."""
    wanted = connection.exec_driver_sql("SHOW search_path").scalar_one()
    if (
        re.fullmatch(r'"[^"]+"', wanted)
        and connection.scalar(select(func.current_schema())) is None
    ):
        connection.exec_driver_sql(f"CREATE SCHEMA {wanted}")


def _check_references(connection: Connection) -> None:
    broken = connection.exec_driver_sql("PRAGMA foreign_key_check").all()
    if broken:
        raise DatabaseNotReady(
            f"The migration would leave {len(broken)} rows of {broken[0][0]!r} without the row of "
            f"{broken[0][2]!r} that they refer to. Nothing was changed."
        )
