"""A PostgreSQL server of the tests' own, where its programs are installed."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import make_url

from labkit.redis_process import free_port


def _program(name: str) -> str:
    # Debian keeps the server's programs out of the PATH.
    debian = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"))
    found = shutil.which(name) or (str(debian[-1]) if debian else None)
    if found is None:
        pytest.skip(f"no PostgreSQL here: {name} is neither on the PATH nor in /usr/lib/postgresql")
    return str(Path(found).resolve())


@contextmanager
def postgres_server() -> Iterator[str]:
    """Start a server on a free port; yields the URL of its first database, with a password."""
    initdb, pg_ctl = _program("initdb"), _program("pg_ctl")
    # initdb refuses root; Debian's package brings this user.
    user = "postgres" if os.geteuid() == 0 else None
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "password").write_text("hunter2\n")
        if user:
            for path in (folder, folder / "password"):
                shutil.chown(path, user)
        data, port = folder / "data", free_port()

        def run(*command: str) -> None:
            subprocess.run(command, user=user, cwd=folder, check=True, stdout=subprocess.DEVNULL)

        run(initdb, "-D", str(data), "-U", "labkit", "-A", "scram-sha-256", "--pwfile=password")
        options = f"-p {port} -k {folder} -c listen_addresses=127.0.0.1 -c fsync=off"
        run(pg_ctl, "-D", str(data), "-l", str(folder / "log"), "-o", options, "-w", "start")
        try:
            yield f"postgresql://labkit:hunter2@127.0.0.1:{port}/postgres"
        finally:
            run(pg_ctl, "-D", str(data), "-m", "immediate", "-w", "stop")


def new_database(server: str, name: str) -> str:
    """Make an empty database on the server; returns its URL."""
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}"')
    return make_url(server).set(database=name).render_as_string(hide_password=False)
