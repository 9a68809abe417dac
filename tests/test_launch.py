"""JupyterLab as ``labkit lab`` starts it: a real server, asked over HTTP as its page asks it."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from labkit import launch
from labkit.errors import LabkitError
from labkit.notebook_hook import VIEW
from labkit.redis_process import free_port
from labkit.settings import Settings
from tests.support import gone, wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

NOTEBOOK: dict[str, Any] = {
    "cells": [],
    "metadata": {"kernelspec": {"name": "python3", "display_name": "Python 3"}},
    "nbformat": 4,
    "nbformat_minor": 5,
}


@pytest.fixture
def course(root: Path) -> Path:
    """A root with a first notebook."""
    (root / "notebooks").mkdir()
    (root / launch.FIRST).write_text(json.dumps(NOTEBOOK))
    return root


class Lab:
    """A running ``labkit lab``."""

    def __init__(self, cwd: Path, log: Path) -> None:
        self.port, self._log = free_port(), log
        with log.open("w") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "labkit", "lab", "--no-browser", "--port", str(self.port)],
                stdout=output,
                stderr=subprocess.STDOUT,
                cwd=cwd,
                # Nothing of this machine's Jupyter gets in, and nothing is left behind there.
                env={**os.environ, "HOME": str(cwd), "SHELL": "/bin/sh"},
                start_new_session=True,
                # A shell's background job ignores it, and hands that down.
                preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
            )
        wait_until(self._has_answered, timeout=60, description="JupyterLab answers")
        self.address = re.findall(r"http://127\.0\.0\.1:\S+", log.read_text())[0]
        self._token = self.address.partition("token=")[2]

    def _has_answered(self) -> bool:
        assert self.process.poll() is None, self._log.read_text()
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/api", timeout=5):
                return "token=" in self._log.read_text()
        except OSError:
            return False

    def ask(self, path: str, method: str = "GET", content: Any = None) -> str:
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.port}{path}",
            method=method,
            headers={"Authorization": f"token {self._token}"},
            data=None if content is None else json.dumps(content).encode(),
        )
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.read().decode()  # type: ignore[no-any-return]

    def close(self) -> None:
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait(10)


@pytest.fixture
def lab(course: Path, tmp_path: Path) -> Iterator[Lab]:
    lab = Lab(course / "notebooks", tmp_path / "lab.log")
    yield lab
    lab.close()


def test_the_course_in_jupyterlab(lab: Lab, course: Path) -> None:
    # The printed address leads to the first notebook, in the root, wherever it was typed.
    assert f"/lab/tree/{launch.FIRST}?token=" in lab.address
    assert "labkit.toml" in lab.ask("/api/contents")
    # Nobody is asked about news.
    page = lab.ask("/lab")
    assert '"disabledExtensions": ["@jupyterlab/apputils-extension:announcements"]' in page
    # What is saved holds no widget view.
    output = {"output_type": "display_data", "metadata": {}}
    data = {"text/html": "<b>3 jobs</b>", VIEW: {"model_id": "m"}}
    cell = {"cell_type": "code", "id": "c", "source": "board", "metadata": {}, "execution_count": 1}
    content = {**NOTEBOOK, "cells": [{**cell, "outputs": [{**output, "data": data}]}]}
    saved = {"type": "notebook", "format": "json", "content": content}
    lab.ask(f"/api/contents/{launch.FIRST}", "PUT", saved)
    stored = (course / launch.FIRST).read_text()
    assert "3 jobs" in stored
    assert VIEW not in stored
    # The private Redis is in use as long as JupyterLab runs, and the tables are there.
    database = course / ".labkit" / "development.sqlite3"
    wait_until(database.exists, description="the tables have been made")
    server = json.loads((course / ".labkit" / "redis.json").read_text())["pid"]
    with pytest.raises(AssertionError):
        wait_until(lambda: gone(server), timeout=1)
    # A terminal finds `dramatiq`, and this root.
    lab.ask("/api/terminals", "POST", {})
    environments = [
        Path(f"/proc/{pid}/environ").read_bytes().decode()
        for pid in _children(lab.process.pid, "sh")
        if sys.platform == "linux"
    ]
    assert sys.platform != "linux" or environments
    for variables in environments:
        assert f"\0PATH={Path(sys.executable).parent}{os.pathsep}" in f"\0{variables}"
        assert f"LABKIT_HOME={course}" in variables
    # Ctrl-C reaches JupyterLab itself: twice means "yes, end".
    _interrupt(lab.process)
    wait_until(lambda: gone(server), description="the Redis has stopped")


def _children(pid: int, name: str) -> list[str]:
    def found() -> list[str]:
        shown = subprocess.run(
            ["ps", "-A", "-o", "pid=,ppid=,comm="], capture_output=True, text=True, check=True
        )
        rows = [line.split(None, 2) for line in shown.stdout.splitlines()]
        return [row[0] for row in rows if row[1] == str(pid) and Path(row[2]).name == name]

    return wait_until(found, description="the terminal's shell")


def _interrupt(process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 20
    while process.poll() is None and time.monotonic() < deadline:
        process.send_signal(signal.SIGINT)
        try:
            process.wait(0.5)
        except subprocess.TimeoutExpired:
            continue
    assert process.poll() is not None


def test_a_port_that_is_taken_is_one_line(root: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        for extra in (["--port", str(port)], [f"--port={port}"], [f"--ServerApp.port={port}"]):
            with pytest.raises(LabkitError, match=f"Port {port} cannot be used"):
                launch.lab_command(Settings(), extra)
    with pytest.raises(LabkitError, match="no port"):
        launch.lab_command(Settings(), ["--port", "many"])


def test_without_jupyterlab_it_says_how_to_get_it(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(launch, "find_spec", lambda name: None)
    with pytest.raises(LabkitError, match="make lab") as caught:
        launch.lab_command(Settings(), [])
    # The name belongs to somebody else's package on the index.
    assert "pip install labkit" not in str(caught.value)


def test_options_are_passed_on_last(course: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    line = launch.lab_command(
        Settings(), ["--port", str(free_port()), "--LabApp.quit_button=False"]
    )
    assert line[-1] == "--LabApp.quit_button=False"
    assert "--allow-root" in line
    assert "--ServerApp.port_retries=0" in line
    assert f"--ServerApp.root_dir={course}" in line
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert "--allow-root" not in launch.lab_command(Settings(), [])


def test_a_browser_is_opened_where_there_is_a_screen(
    course: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "platform", "linux")
    for name in ("DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)
    assert "--no-browser" in launch.lab_command(Settings(), [])
    monkeypatch.setenv("WAYLAND_DISPLAY", "wayland-0")
    assert "--no-browser" not in launch.lab_command(Settings(), [])


def test_outside_the_course_it_opens_the_current_folder(root: Path, tmp_path: Path) -> None:
    line = launch.lab_command(Settings(), [])
    assert f"--ServerApp.root_dir={root}" in line
    assert not any("default_url" in word for word in line)


def test_queues_are_those_of_labkit_toml_unless_named(root: Path) -> None:
    settings = Settings()
    assert launch.worker_command(settings, [])[-2:] == ["-Q", "default"]
    assert launch.worker_command(settings, ["-Q", "mail"])[-2:] == ["-Q", "mail"]
    assert launch.worker_command(settings, ["--queues=mail"])[-1] == "--queues=mail"
    assert launch.worker_command(Settings(queues=[]), ["-v"])[-5:] == ["-p", "1", "-t", "2", "-v"]
