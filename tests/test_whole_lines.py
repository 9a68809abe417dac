"""What eight threads print, complain and log at once can be read line by line."""

from __future__ import annotations

import io
import re
import subprocess
import sys
import threading
from typing import TYPE_CHECKING

from labkit.ledger.reader import Ledger
from labkit.ledger.records import JobState
from labkit.whole_lines import LineStream
from labkit.worker import Worker
from tests.support import wait_until

if TYPE_CHECKING:
    from labkit.settings import Settings

# A frame of the pipe to the main process is written in one step up to 16 KB, and in two beyond.
JOBS = """
import logging, sys
from labkit import actor

@actor
def talk(number):
    for line in range(20):
        text = f"{number} {line} " + "x" * (30_000 if line == 7 else 30) + " end"
        print("printed", text)
        print("complained", text, file=sys.stderr)
        logging.getLogger("talk").warning("logged %s", text)

@actor
def begin():
    print("no end", end="")
"""
LINE = re.compile(r"(\[.*\] )?(printed|complained|logged) (\d+) (\d+) (x{30}|x{30000}) end")


def test_a_worker_writes_whole_lines(settings: Settings) -> None:
    (settings.root / "talking.py").write_text(JOBS)
    send("talk.send_many([(n,) for n in range(40)])", settings)
    worker = Worker.start(module="talking", processes=1, threads=8)
    try:
        wait_until(lambda: Ledger().counts()[JobState.COMPLETED] == 40, 30)
        # The job's end ends the line that it has begun.
        send("begin.send()", settings)
        wait_until(lambda: "no end" in worker.log())
    finally:
        worker.kill()
    spoken = [line for line in worker.log().splitlines() if "x" * 9 in line or " end" in line]
    torn = [line for line in spoken if not LINE.fullmatch(line)]
    assert torn == ["no end"], torn[0][:200]
    assert len(spoken) == 40 * 20 * 3 + 1
    assert "" not in worker.log().splitlines()


def send(call: str, settings: Settings) -> None:
    """Send from another process, as a notebook would."""
    program = [sys.executable, "-c", f"import talking; talking.{call}"]
    subprocess.run(program, check=True, cwd=settings.root)


def test_each_thread_has_a_line_of_its_own() -> None:
    target = io.TextIOWrapper(io.BytesIO(), encoding="utf-8", write_through=True)

    def written() -> str:
        assert isinstance(target.buffer, io.BytesIO)
        return target.buffer.getvalue().decode()

    stream = LineStream(target, threading.RLock())
    print("mine, ", end="", file=stream)
    other = threading.Thread(target=lambda: print("another's\nand begun", end="", file=stream))
    other.start()
    other.join()
    assert written() == "another's\n"
    print("whole", file=stream)
    assert written() == "another's\nmine, whole\n"
    print("50 %", end="", file=stream, flush=True)
    assert written().endswith("whole\n50 %")
    stream.flush_all()
    assert written().endswith("50 %and begun")
    assert stream.encoding == "utf-8"
