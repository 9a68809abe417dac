from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from labkit import tether
from tests.support import gone, wait_until


def test_output_of_both_kinds_lands_in_the_file_and_the_end_is_noticed(tmp_path: Path) -> None:
    log = tmp_path / "log"
    child = tether.start(["sh", "-c", "echo out; echo err >&2"], output=log)
    assert child.wait(10)
    assert not child.running
    assert sorted(log.read_text().split()) == ["err", "out"]


def test_a_command_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="no-such-program"):
        tether.start(["no-such-program"], output=tmp_path / "log")


def test_a_signal_reaches_the_command_alone_and_kill_the_whole_group(tmp_path: Path) -> None:
    log = tmp_path / "log"
    program = "trap 'echo polite' TERM; sleep 60 & echo $!; while :; do wait; done"
    child = tether.start(["sh", "-c", program], output=log)
    sleeper = int(wait_until(lambda: log.read_text().strip(), description="the sleeper's pid"))
    child.signal(signal.SIGTERM)
    wait_until(lambda: "polite" in log.read_text(), description="the trap ran")
    assert not gone(sleeper)
    child.kill()
    wait_until(lambda: gone(sleeper), description="the grandchild has ended")
    child.kill()
    child.signal(signal.SIGTERM)


def test_what_the_command_leaves_behind_is_taken_down(tmp_path: Path) -> None:
    log = tmp_path / "log"
    child = tether.start(["sh", "-c", "sleep 60 & echo $!"], output=log)
    assert child.wait(10)
    wait_until(lambda: gone(int(log.read_text())), description="the sleeper has ended")


def test_a_child_that_ignores_sigterm_is_killed_after_the_grace(tmp_path: Path) -> None:
    program = (
        "import sys, time; from pathlib import Path; from labkit import tether\n"
        "child = tether.start(['sh', '-c', \"trap '' TERM; echo ready; sleep 60\"],"
        " output=Path(sys.argv[1]))\n"
        "while 'ready' not in Path(sys.argv[1]).read_text(): time.sleep(0.005)\n"
        "print(child.pid, flush=True)\n"
        "import os; os.kill(os.getpid(), 9)\n"
    )
    owner = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path / "log")], capture_output=True, check=False
    )
    ended = time.monotonic()
    pid = int(owner.stdout)
    wait_until(lambda: gone(pid), timeout=tether.GRACE + 10, description="the child has ended")
    assert time.monotonic() - ended > tether.GRACE / 2


def test_environment_and_folder_are_those_asked_for(tmp_path: Path) -> None:
    log = tmp_path / "log"
    child = tether.start(
        ["sh", "-c", "echo $GREETING; pwd"],
        output=log,
        env={"GREETING": "hi", "PATH": os.environ["PATH"]},
        cwd=tmp_path,
    )
    assert child.wait(10)
    assert log.read_text().split() == ["hi", str(tmp_path.resolve())]
