"""The database: one engine a process, short transactions, a schema that migrations keep.

SQLite is set up for several worker processes with several threads each: a write-ahead log, so that
nobody who reads waits; a busy timeout, so that writers queue; and ``BEGIN IMMEDIATE`` in front of
the first write, so that a transaction never finds half-way that another was faster. A session
that only reads takes no lock, and sees what is committed: what PostgreSQL does by default.
"""

from __future__ import annotations

import os
import re
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Engine, ExceptionContext, MetaData, create_engine, event, make_url, text
from sqlalchemy.exc import ArgumentError, DataError, IntegrityError
from sqlmodel import Session

from labkit import hub
from labkit.errors import ConfigurationError, DatabaseNotReady, InvalidRow
from labkit.settings import Settings, redact_url

#: Seconds that a writer waits for the writer in front of it.
BUSY_TIMEOUT = 30.0
DRIVERS = ("sqlite", "sqlite+pysqlite", "postgresql+psycopg")
ALLOWED = "DATABASE_URL may be sqlite:///FILE or postgresql://USER@HOST/NAME"

# Everything else is taken for a write: a lock too many costs less than one too few.
_READS = re.compile(r"\s*(SELECT|PRAGMA|EXPLAIN|BEGIN|VACUUM)\b", re.IGNORECASE)
_MISSING = re.compile(
    r"no such (table|column): (?P<what>[\w.]+)"
    r"|has no column named (?P<column>\w+)"
    r'|(relation|column) "?(?P<relation>[\w.]+)"? .*does not exist'
)

#: What else a database says, and what it means for whoever reads it.
_REFUSALS = (
    (r"authentication failed", "refuses this user, or its password: mend DATABASE_URL"),
    (r'database "[^"]*" does not exist', "does not exist on its server: create it there"),
    (
        r"too many (clients|connections)|connection slots",
        "takes no more connections: raise its max_connections, or end what uses it",
    ),
    (
        r"closed the connection|terminating connection|connection is lost",
        "has gone, and what was not committed with it: try again when it is back",
    ),
    (r"permission denied", "does not allow this to its user: grant it there"),
    (r"database( table)? is locked", "is locked by another program, and stayed so: end that one"),
    (r"is full", "has no room left on its disk, and nothing was saved: free some space"),
    (r"readonly database", "cannot be written to: give this user the right, or use another file"),
    (r"disk I/O error", "cannot be read or written: its disk fails, or is full"),
    (r"malformed|not a database", "is damaged, or is no database: put a copy there, or remove it"),
    (
        r"(table|relation) \"?\w+\"? already exists",
        "has a table that a migration is to make: one was broken off, or somebody else made it. "
        "Remove that table, or use another database",
    ),
)

_engines: dict[URL, Engine] = {}
_lock = threading.Lock()
_using: URL | None = None


@contextmanager
def session() -> Iterator[Session]:
    """A session that commits at the end of the block, and rolls back when the block raises.

    What it has loaded or written stays readable afterwards, without the database.

    Raises:
      InvalidRow: the database itself refuses a row; nothing of the block is saved.
      DatabaseNotReady: no database answers, or it lacks a table.
    """
    with Session(engine(), expire_on_commit=False) as db:
        try:
            yield db
            db.commit()
        except (IntegrityError, DataError) as error:  # by a rule, or by what a column holds
            raise InvalidRow(f"The database refuses the row: {error.orig}.") from error


def engine() -> Engine:
    """This process's engine for the database in use; a forked child gets its own.

    Raises:
      ConfigurationError: the address is none that labkit can use.
    """
    url = address()
    with _lock:
        if url not in _engines:
            _engines[url] = _create(url)
        return _engines[url]


def address(settings: Settings | None = None) -> URL:
    """Where the database is: ``using``'s, else DATABASE_URL, else a file under ``.labkit/``.

    One database an environment. DATABASE_URL names one only, so the environment ``test`` uses
    that name with ``_test`` behind it: a test run can never empty the tables of development. On a
    PostgreSQL that several namespaces share, each has two schemas of one database instead.

    Raises:
      ConfigurationError: DATABASE_URL is none that labkit can use.
    """
    if settings is None and _using is not None:
        return _using
    settings = settings or Settings()
    if settings.database_url is None:
        return URL.create("sqlite", database=str(settings.state_dir / f"{settings.env}.sqlite3"))
    url = _parse(settings.database_url.get_secret_value(), settings.root)
    if url.get_backend_name() == "postgresql":
        if schema := hub.schema_of(settings.namespace, settings.env):
            return _within(url, schema)
    if settings.env != "test" or url.database is None:
        return url
    name = Path(url.database)
    return (
        url
        if name.stem.endswith("_test")
        else url.set(database=str(name.with_name(f"{name.stem}_test{name.suffix}")))
    )


def describe(url: URL) -> str:
    """The address for people: without a password, and with its schema in words."""
    shown = redact_url(url.difference_update_query(["options"]).render_as_string())
    schema = re.search(r'search_path="(.+)"', str(url.query.get("options", "")))
    return f"{shown} (schema {schema[1]!r})" if schema else shown


@contextmanager
def using(url: str | URL) -> Iterator[Engine]:
    """Another database for this whole process until the block ends; child processes keep theirs.

    Raises:
      ConfigurationError: the address is none that labkit can use.
    """
    global _using
    before = _using
    _using = _parse(url, Settings().root) if isinstance(url, str) else url
    try:
        yield engine()
    finally:
        _using = before


def create_tables() -> None:
    """Bring labkit's tables to the current migration: safe to repeat, and to race.

    Raises:
      DatabaseNotReady: no database answers, or a newer labkit has migrated it.
    """
    from labkit import migrations

    migrations.upgrade(engine())


def close() -> None:
    """Close this process's connections; the next use opens new ones."""
    with _lock:
        while _engines:
            _engines.popitem()[1].dispose()


def prepare_test() -> None:
    """Make the test database anew, empty, with every migration of labkit and of ``work/``.

    Raises:
      DatabaseNotReady: no database answers at its address.
    """
    from labkit import migrations

    url = address(Settings(env="test"))
    if url.get_backend_name() == "postgresql":
        _make_database(url)
    with using(url) as test:
        tables = MetaData()
        tables.reflect(test)
        tables.drop_all(test)
        migrations.upgrade_all(test, Settings().work)


def _within(url: URL, schema: str) -> URL:
    """The address with the one schema in which its connections see and make tables."""
    options = [str(url.query.get("options", "")), f'-c search_path="{schema}"']
    return url.update_query_dict({"options": " ".join(filter(None, options))})


def _make_database(url: URL) -> None:
    """Make PostgreSQL's test database where it is missing, from the one of development."""
    with (
        using(address(Settings(env="development"))) as server,
        server.execution_options(isolation_level="AUTOCOMMIT").connect() as connection,
    ):
        if url.database not in connection.scalars(text("SELECT datname FROM pg_database")):
            name = server.dialect.identifier_preparer.quote_identifier(str(url.database))
            connection.exec_driver_sql(f"CREATE DATABASE {name}")


def _parse(given: str, root: Path) -> URL:
    try:
        url = make_url(re.sub(r"^postgres(ql)?://", "postgresql+psycopg://", given))
    except ArgumentError:
        # SQLAlchemy's own message may repeat the address, with its password.
        raise ConfigurationError(f"The database address cannot be read. {ALLOWED}.") from None
    shown = redact_url(given)
    if url.drivername not in DRIVERS:
        raise ConfigurationError(f"{shown}: labkit has no use for {url.drivername!r}. {ALLOWED}.")
    if url.get_backend_name() == "postgresql":
        return url
    if not url.database or url.database == ":memory:":
        raise ConfigurationError(
            f"{shown}: a database in memory belongs to one connection, and a worker is another "
            f"process. {ALLOWED}."
        )
    # A relative path means the same file from notebooks/, from the root and from anywhere else.
    return url.set(database=str(root / url.database))


def _create(url: URL) -> Engine:
    if url.get_backend_name() == "sqlite":
        folder = Path(str(url.database)).parent
        if folder.name == ".labkit":
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        made = create_engine(url, max_overflow=-1, connect_args={"timeout": BUSY_TIMEOUT})
        event.listen(made, "connect", _configure)
        event.listen(made, "before_cursor_execute", _begin_to_write)
    else:
        try:
            made = create_engine(url, max_overflow=-1, pool_pre_ping=True)
        except ImportError as error:
            raise ConfigurationError(
                f"PostgreSQL needs its driver, and {error.name} is missing. Install labkit with "
                "its extra `postgres`, or unset DATABASE_URL to use SQLite."
            ) from None
    event.listen(made, "handle_error", _explain)
    return made


def _configure(connection: sqlite3.Connection, record: object) -> None:
    # Python's own guesses about transactions are off; _begin_to_write begins them.
    connection.isolation_level = None
    connection.execute("PRAGMA journal_mode = WAL")
    # With a write-ahead log this survives any crash but the machine's, which may lose the last
    # commits and never corrupts: what Redis promises for its jobs as well.
    connection.execute("PRAGMA synchronous = NORMAL")
    connection.execute("PRAGMA foreign_keys = ON")


def _begin_to_write(connection: Any, cursor: sqlite3.Cursor, statement: str, *rest: object) -> None:
    if not cursor.connection.in_transaction and not _READS.match(statement):
        cursor.execute("BEGIN IMMEDIATE")


def _explain(context: ExceptionContext) -> None:
    error = context.original_exception
    where = describe(context.engine.url) if context.engine else ""
    said = str(error).partition("\n")[0]  # psycopg tells one thing once for each address
    for pattern, meaning in _REFUSALS:
        if re.search(pattern, str(error)):
            raise DatabaseNotReady(f"{where} {meaning}. It said: {said}.") from error
    if context.connection is None:
        raise DatabaseNotReady(f"No database answers at {where}: {said}.") from None
    if found := _MISSING.search(str(error)):
        what = found["what"] or found["column"] or found["relation"]
        how = (
            "`labkit db upgrade`, or labkit.database.create_tables() for labkit's own tables alone"
        )
        if context.engine and _is_for_tests(context.engine.url):
            how = "`labkit db prepare-test`, or labkit.database.prepare_test()"
        raise DatabaseNotReady(f"{where} has no {what!r}. Bring it up to date: {how}.") from error


def _is_for_tests(url: URL) -> bool:
    return Path(str(url.database)).stem.endswith("test") or '.test"' in url.query.get("options", "")


def _after_fork() -> None:
    global _lock
    _lock = threading.Lock()
    for inherited in _engines.values():
        # The parent goes on using these connections.
        inherited.dispose(close=False)
    _engines.clear()


os.register_at_fork(after_in_child=_after_fork)
