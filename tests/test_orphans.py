"""What is left once JupyterLab or a terminal has gone, however it went: nothing.

Each of them runs on a terminal of its own, as it would on a desk, and every process that came of it
is known by a mark in its environment.
"""

from __future__ import annotations

import contextlib
import json
import os
import pty
import select
import shutil
import signal
import sys
import threading
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any, Self
from uuid import uuid4

import psutil
import pytest
from dramatiq import Message
from jupyter_client.blocking.client import BlockingKernelClient

from labkit.broker import LabBroker
from labkit.ledger.check import check
from labkit.ledger.reader import Ledger
from labkit.ledger.records import JobState
from labkit.redis_process import free_port
from labkit.settings import Settings
from labkit.worker import Worker
from tests.support import wait_until

READY = b"ready for action"
BIN = Path(sys.executable).parent


class Terminal:
    """A program on a terminal of its own, which is what it is controlled by."""

    def __init__(self, command: list[str], folder: Path) -> None:
        self.mark = uuid4().hex
        variables = {
            "LABKIT_TEST_MARK": self.mark,
            "HOME": str(folder),
            "SHELL": str(folder / "sh"),
        }
        env = {**os.environ, **variables, "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}"}
        for name in ("PYTEST_CURRENT_TEST", "JUPYTER_RUNTIME_DIR", "JUPYTER_CONFIG_DIR"):
            env.pop(name, None)
        self.pid, self._screen = pty.fork()
        if self.pid == 0:
            try:
                os.chdir(folder)
                # A shell's background job ignores one, nohup the other, and both hand it down.
                signal.signal(signal.SIGINT, signal.SIG_DFL)
                signal.signal(signal.SIGHUP, signal.SIG_DFL)
                os.execvpe(command[0], command, env)  # noqa: S606
            finally:
                os._exit(127)
        self.said = b""
        self._closing = threading.Event()
        # Somebody has to read, or what runs there waits for room to write.
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def _read(self) -> None:
        with contextlib.suppress(OSError):  # nobody has the other end any more
            while not self._closing.is_set():
                if select.select([self._screen], [], [], 0.05)[0]:
                    self.said += os.read(self._screen, 65_536)

    def type(self, line: str) -> None:
        os.write(self._screen, f"{line}\n".encode())

    def wait_for(self, text: bytes, count: int = 1) -> None:
        wait_until(lambda: self.said.count(text) >= count, 60, f"{text!r} is there")

    def close(self) -> None:
        """As a window is closed."""
        if not self._closing.is_set():
            self._closing.set()
            self._reader.join()
            os.close(self._screen)

    def send(self, number: int) -> None:
        os.kill(self.pid, number)

    def processes(self) -> dict[int, str]:
        """What came of it and still runs."""
        return {
            process.pid: " ".join(process.info["cmdline"] or [])
            for process in psutil.process_iter(["cmdline", "environ", "status"])
            if (process.info["environ"] or {}).get("LABKIT_TEST_MARK") == self.mark
            and process.info["status"] != psutil.STATUS_ZOMBIE
        }

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for pid in self.processes():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self.close()
        os.waitpid(self.pid, 0)


def all_end(terminal: Terminal, timeout: float = 60) -> None:
    """The private Redis lingers for 0.3 s here, a minute else."""
    with contextlib.suppress(AssertionError):
        wait_until(lambda: not terminal.processes(), timeout)
    assert terminal.processes() == {}


# -- a terminal ------------------------------------------------------------------------------------

JOBS = """
import time
from pathlib import Path
from labkit import actor

@actor
def work(number, seconds):
    with Path("tally").open("a") as tally:
        tally.write(f"{number}\\n")
    time.sleep(seconds)
"""
ENDS: dict[str, Callable[[Terminal], None]] = {
    "closed": Terminal.close,
    "its shell is hung up": lambda terminal: terminal.send(signal.SIGHUP),
    "its shell is killed": lambda terminal: terminal.send(signal.SIGKILL),
    "its shell and its window": lambda terminal: (terminal.send(signal.SIGKILL), terminal.close()),
}
slow = pytest.mark.slow


@pytest.mark.parametrize(
    ("line", "end"),
    [
        ("dramatiq labkit.jobs -p 2 -t 1", "closed"),
        pytest.param("dramatiq labkit.jobs -p 1 -t 1", "its shell is hung up", marks=slow),
        pytest.param("dramatiq labkit.jobs -p 1 -t 1", "its shell is killed", marks=slow),
        pytest.param("dramatiq labkit.jobs -p 1 -t 1 &", "closed", marks=slow),
        pytest.param("dramatiq labkit.jobs -p 1 -t 1 &", "its shell is killed", marks=slow),
        pytest.param("labkit worker", "closed", marks=slow),
        pytest.param("labkit worker", "its shell and its window", marks=slow),
    ],
)
def test_a_worker_ends_with_its_terminal(root: Path, line: str, end: str) -> None:
    with Terminal(["sh", "-i"], root) as terminal:
        terminal.type(line)
        terminal.wait_for(READY, 2 if "-p 2" in line else 1)
        found = " ".join(terminal.processes().values())
        assert "dramatiq labkit.jobs" in found
        assert "redis-server" in found
        ENDS[end](terminal)
        all_end(terminal)


@pytest.mark.parametrize(
    ("seconds", "broken_off"),
    [(2, 0), pytest.param(600, 1, marks=[slow, pytest.mark.timeout(120)])],
)
def test_its_job_is_finished_up_to_a_limit_and_the_rest_put_back_once(
    root: Path, settings: Settings, seconds: int, broken_off: int
) -> None:
    module = root / "work" / "app" / "jobs" / "some.py"
    module.parent.mkdir(parents=True)
    module.write_text(JOBS)
    broker, ledger = LabBroker(settings=settings), Ledger()
    tally = root / "tally"
    with Terminal(["sh", "-i"], root) as terminal:
        for number, duration in enumerate((seconds, 0, 0, 0)):
            broker.enqueue(Message("default", "work", (number, duration), {}, {}))
        terminal.type("dramatiq labkit.jobs -p 1 -t 1")
        wait_until(lambda: tally.exists() and "0" in tally.read_text(), 60, "the first has begun")
        terminal.close()
        all_end(terminal)
    assert tally.read_text().split() == ["0"]
    assert ledger.counts()[JobState.COMPLETED] == 1 - broken_off
    assert check(ledger) == []
    module.write_text(JOBS.replace("time.sleep(seconds)", "pass"))
    with Worker.start():
        wait_until(lambda: ledger.counts()[JobState.COMPLETED] == 4, 30, "all are done")
    assert sorted(tally.read_text().split()) == ["0"] * (1 + broken_off) + ["1", "2", "3"]
    broker.client.close()


# -- JupyterLab ------------------------------------------------------------------------------------

CELL = """
%load_ext labkit
from labkit.redis_server import ThrowawayRedis
from labkit.web import WebServer
from labkit.widgets import JobBoard, WorkerPanel
from labkit.worker import Worker
panel, board = WorkerPanel(), JobBoard()
worker, web, redis = panel.start(), WebServer.start(), ThrowawayRedis().__enter__()
other = Worker.start(processes=2)
"""


class Lab(Terminal):
    """``labkit lab`` on a terminal, with a kernel and a terminal of its own in it."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._port = folder, free_port()
        shell = folder / "sh"  # whoever opens a terminal in it starts a worker there at once
        shell.write_text(f"#!{shutil.which('sh')}\ndramatiq labkit.jobs -p 1 -t 1\n")
        shell.chmod(0o755)
        command = [sys.executable, "-m", "labkit", "lab", "--no-browser", f"--port={self._port}"]
        super().__init__([*command, "--IdentityProvider.token=t"], folder)

    def open(self) -> None:
        """Open both, and start in the kernel what a chapter may start."""
        wait_until(lambda: self._ask("GET", "/api"), 60, "JupyterLab answers")
        kernel = self._ask("POST", "/api/kernels", {"name": "python3"})["id"]
        [connection] = wait_until(lambda: list(self._folder.rglob(f"kernel-{kernel}.json")))
        client = BlockingKernelClient()
        client.load_connection_file(str(connection))
        client.start_channels()
        try:
            reply = client.execute(CELL, reply=True, timeout=60)
        finally:
            client.stop_channels()
        assert reply["content"]["status"] == "ok", reply
        self._ask("POST", "/api/terminals", {})
        wait_until(lambda: self._count("dramatiq labkit.jobs") >= 4 + 2 + 1, 30, self.processes())

    def _ask(self, method: str, path: str, content: Any = None) -> Any:
        request = urllib.request.Request(
            f"http://127.0.0.1:{self._port}{path}",
            method=method,
            headers={"Authorization": "token t"},
            data=None if content is None else json.dumps(content).encode(),
        )
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                return json.load(answer)
        except ConnectionError:
            return None
        except urllib.error.URLError as error:
            if isinstance(error.reason, ConnectionError):
                return None
            raise

    def _count(self, text: str) -> int:
        return sum(text in line for line in self.processes().values())


def interrupt_twice(lab: Lab) -> None:
    """Ctrl-C, and again for "yes"."""
    deadline = time.monotonic() + 30
    while lab.pid in lab.processes() and time.monotonic() < deadline:
        lab.send(signal.SIGINT)
        time.sleep(0.5)


@pytest.mark.parametrize(
    "end",
    [
        pytest.param(lambda lab: lab.send(signal.SIGKILL), id="killed"),
        pytest.param(lambda lab: lab.send(signal.SIGTERM), id="terminated", marks=slow),
        pytest.param(interrupt_twice, id="interrupted", marks=slow),
        pytest.param(Lab.close, id="its terminal is closed", marks=slow),
        pytest.param(lambda lab: lab.send(signal.SIGHUP), id="hung up", marks=slow),
    ],
)
def test_nothing_outlives_jupyterlab(root: Path, end: Callable[[Lab], None]) -> None:
    with Lab(root) as lab:
        lab.open()
        found = " ".join(lab.processes().values())
        for name in ("jupyterlab", "ipykernel", "labkit.web_app", "redis_keeper", "redis-server"):
            assert name in found
        end(lab)
        all_end(lab)
