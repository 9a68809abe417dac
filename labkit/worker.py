"""A worker as a child process group: ``dramatiq labkit.jobs``, started, watched, stopped, killed.

    with Worker.start() as worker:
        task_logger.send(1)
        worker.wait_for("Task created")
    print(worker.log())

The worker is the stock program with nothing added. It ends with the process that started it,
also when that one is killed with -9 (see ``tether``), and when its ``Worker`` object is dropped.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
import weakref
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Self

from labkit import tether
from labkit.errors import WorkerError
from labkit.hub import NAMESPACE
from labkit.ledger.reader import Ledger
from labkit.settings import Settings

#: What each worker process logs once it takes jobs.
READY = "Worker process is ready for action"
#: Logs of earlier workers that stay in ``.labkit/workers/``.
KEEP_LOGS = 20
#: Milliseconds between a worker thread's looks at whether it should stop. Stock has 1000, which
#: would be a second more for every restart.
WORKER_TIMEOUT = 100
#: Seconds that a worker gets for the jobs in its hands when its owner goes without a word.
AT_EXIT = 5.0

_started: weakref.WeakSet[Worker] = weakref.WeakSet()


def command(
    processes: int, threads: int, queues: Sequence[str], module: str = "labkit.jobs"
) -> list[str]:
    """The command line of the worker; an empty list of queues listens to all of them."""
    line = [sys.executable, "-m", "dramatiq", module, "-p", str(processes), "-t", str(threads)]
    return [*line, "-Q", *queues] if queues else line


class Worker:
    """A worker that was started; make one with ``Worker.start``."""

    def __init__(
        self, process: tether.Tethered, log_path: Path, env: Mapping[str, str] | None = None
    ) -> None:
        self.log_path = log_path
        self._env = dict(env or {})
        self._process = process
        self._finalizer = weakref.finalize(self, _end, process, os.getpid())
        _started.add(self)

    def __repr__(self) -> str:
        return f"<Worker {self.pid}, {'running' if self.running else 'ended'}>"

    @classmethod
    def start(
        cls,
        processes: int = 1,
        threads: int | None = None,
        queues: Sequence[str] | None = None,
        module: str = "labkit.jobs",
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
        timeout: float = 30.0,
    ) -> Self:
        """Start a worker, and return once all its processes take jobs.

        Parameters:
          threads: of each process; ``None`` is the ``concurrency`` of ``labkit.toml``.
          queues: those it listens to, an empty list for all; ``None`` is those of ``labkit.toml``.
          module: the module whose actors it runs.
          env: variables on top of this process's own. Another REDIS_URL means Dramatiq's own
            namespace there, as ``LabBroker(url=…)`` does, unless LABKIT_NAMESPACE is among them.
          cwd: the folder in which it runs; ``None`` is this process's own.
          timeout: seconds until it must be ready.

        Raises:
          WorkerError: it ended at once, or is not ready in time; the message ends with its log.
        """
        settings = Settings()
        if env and "REDIS_URL" in env:
            env = {"LABKIT_NAMESPACE": NAMESPACE, **env}
        line = command(
            processes,
            settings.concurrency if threads is None else threads,
            settings.queues if queues is None else queues,
            module,
        )
        folder = _log_folder(settings.state_dir)
        descriptor, name = tempfile.mkstemp(prefix="starting-", suffix=".log", dir=folder)
        os.close(descriptor)
        try:
            process = tether.start(
                line, output=Path(name), env=_environment(settings, env), cwd=cwd
            )
        except OSError as error:
            raise WorkerError(f"The worker does not start: {error}") from error
        worker = cls(process, Path(name).rename(folder / f"{process.pid}.log"), env)
        worker._wait_until_ready(processes, timeout)
        return worker

    @property
    def pid(self) -> int:
        """The process id of Dramatiq's main process, which leads the group."""
        return self._process.pid

    @property
    def running(self) -> bool:
        """Whether Dramatiq's main process is there."""
        return self._process.running

    def pids(self) -> list[int]:
        """All processes of the group: the main process, the workers, their helpers."""
        return group_members(self.pid) if self.running else []

    def log(self) -> str:
        """All that it has written so far, to stdout and to stderr."""
        return self.log_path.read_text(encoding="utf-8", errors="replace")

    def wait_for(self, text: str, timeout: float = 10.0, count: int = 1) -> str:
        """The first line of its log that contains ``text``, or the ``count``-th, once it is there.

        Raises:
          WorkerError: it is not there within ``timeout`` seconds, or the worker ended without it.
        """
        deadline, size = time.monotonic() + timeout, -1
        while True:
            running = self.running
            if (grown := self.log_path.stat().st_size) != size or not running:
                size = grown
                # A line that has no end yet may still grow: print writes in several steps.
                whole = [line for line in self.log().splitlines(keepends=True) if text in line]
                lines = [line.rstrip("\n") for line in whole if line.endswith("\n") or not running]
                if len(lines) >= count:
                    return lines[count - 1]
            if not running or time.monotonic() > deadline:
                state = f"within {timeout:g} s" if running else "before it ended"
                raise WorkerError(
                    f"The worker did not write {text!r} {state}. Its log ends with:\n{self._tail()}"
                )
            time.sleep(0.005)

    def quiet(self, *, quiet: bool = True) -> None:
        """Let all its processes take no more jobs; ``quiet=False`` lets them go on.

        What their threads run they finish; what they have fetched and not begun goes back to its
        queue within a second. ``Ledger.quiet`` does the same for one process on any host.

        Raises:
          WorkerError: none of its processes is a labkit worker on its Redis.
          RedisUnavailable: Redis does not answer.
        """
        namespace = self._env.get("LABKIT_NAMESPACE", Settings().namespace)
        ledger = Ledger(self._env.get("REDIS_URL"), namespace)
        here, pids = socket.gethostname(), self.pids()
        cards = [card for card in ledger.workers() if card.host == here and card.pid in pids]
        for card in cards:
            ledger.quiet(card.name, quiet=quiet)
        ledger.client.close()
        if not cards:
            raise WorkerError(f"{self!r} has no labkit worker in namespace {namespace!r}.")

    def stop(self, timeout: float = 30.0) -> bool:
        """SIGTERM: it finishes the jobs in its hands, gives back those it prefetched, and ends.

        Dramatiq's two main loops each look once a second, so this takes about two seconds. After
        ``timeout`` seconds the group is killed, and the answer is False. Safe to repeat.
        """
        self._process.signal(signal.SIGTERM)
        in_time = self._process.wait(timeout)
        if not in_time:
            self._process.kill()
        self._finalizer.detach()
        return in_time

    def kill(self) -> None:
        """SIGKILL to the whole group, as a machine that fails would end it. Safe to repeat."""
        self._process.kill()
        self._finalizer.detach()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _wait_until_ready(self, processes: int, timeout: float) -> None:
        try:
            self.wait_for(READY, timeout, count=processes)
        except WorkerError as error:
            self.kill()
            raise WorkerError(
                f"The worker did not start (its log is {self.log_path}):\n{self._tail()}"
            ) from error

    def _tail(self) -> str:
        return "\n".join(self.log().splitlines()[-15:])


def started() -> list[Worker]:
    """The workers that this process has started and that still run."""
    return [worker for worker in _started if worker.running]


def group_members(group: int) -> list[int]:
    """The process ids of a process group, zombies left out."""
    shown = subprocess.run(
        ["ps", "-A", "-o", "pid=,pgid=,stat="], capture_output=True, text=True, check=True
    ).stdout
    rows = [line.split() for line in shown.splitlines()]
    return sorted(
        int(pid) for pid, pgid, state in rows if int(pgid) == group and not state.startswith("Z")
    )


def _environment(settings: Settings, extra: Mapping[str, str] | None) -> dict[str, str]:
    # With LABKIT_HOME the child finds the same root, and so the same Redis and database, wherever
    # this process has moved to.
    env = {**os.environ, "LABKIT_HOME": str(settings.root)}
    # ipykernel and pytest plugins behave otherwise with it, and the worker is no part of a test.
    env.pop("PYTEST_CURRENT_TEST", None)
    env.setdefault("dramatiq_worker_timeout", str(WORKER_TIMEOUT))
    return env | dict(extra or {})


def _log_folder(state_dir: Path) -> Path:
    folder = state_dir / "workers"
    state_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    folder.mkdir(exist_ok=True)
    for old in sorted(folder.glob("*.log"), key=lambda path: path.stat().st_mtime)[:-KEEP_LOGS]:
        old.unlink(missing_ok=True)
    return folder


def _end(process: tether.Tethered, owner: int) -> None:
    # A fork of the owner ends with the owner's objects in its hands, and must leave them alone.
    if os.getpid() == owner:
        process.signal(signal.SIGTERM)
        if not process.wait(AT_EXIT):
            process.kill()
