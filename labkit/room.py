"""``labkit room``: whether this machine is ready for a lesson, found out by doing what one does.

What the doctor looks at, and on top of that the things themselves: a worker that starts and runs a
job, JupyterLab on a port of this machine, a kernel that runs a cell, and the notebooks as they were
shipped. The job runs in a namespace of its own, which is gone afterwards.
"""

from __future__ import annotations

import os
import secrets
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
import webbrowser
from collections.abc import Callable, Iterator
from contextlib import suppress
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

from dramatiq import Message

from labkit import doctor, launch, originals, tether
from labkit.broker import LabBroker
from labkit.database import create_tables
from labkit.doctor import Check
from labkit.errors import LabkitError
from labkit.invoice import folder
from labkit.ledger.reader import Ledger
from labkit.ledger.records import JobState
from labkit.redis_process import HOST, free_port
from labkit.redis_server import find
from labkit.settings import Settings
from labkit.worker import Worker

#: What the doctor says of it is no matter of readiness, or is tried out here.
LEFT_OUT = {"worker", "commands", "work", "jupyter"}
#: Seconds that a slow machine may take for a job, and for JupyterLab.
JOB, LAB = 20.0, 60.0
STEP = 0.02


def examine() -> Iterator[Check]:
    """Each thing, as soon as it is known."""
    with suppress(LabkitError):  # the doctor says what is wrong
        create_tables()  # as `labkit lab` does
    found = [check for check in doctor.examine() if check.name not in LEFT_OUT]
    yield from found
    if any(check.name in ("settings", "redis", "database") and not check.ok for check in found):
        return  # what follows would fail of the same
    settings = Settings()
    yield _tried("worker", _worker, settings, "Read the log that it names.")
    yield _tried("jupyter", _jupyter, settings, "Run `make lab` and read what it says.")
    yield _tried("kernel", _kernel, settings, "Run `make setup` again.")
    yield _browser()
    yield _notebooks(settings.root)


def verdict(checks: list[Check]) -> str:
    """The last line."""
    wrong = [check.name for check in checks if check.ok is False]
    return f"not ready: {', '.join(wrong)}" if wrong else "ready"


def _tried(name: str, trial: Callable[[Settings], str], settings: Settings, todo: str) -> Check:
    try:
        return Check(name, True, trial(settings))
    except (LabkitError, OSError, subprocess.TimeoutExpired) as error:
        return Check(name, False, str(error), todo)


def _worker(settings: Settings) -> str:
    namespace, number = f"room-{secrets.token_hex(4)}", f"room-{os.getpid()}"
    url = find(settings).url
    ledger, broker = Ledger(url, namespace), LabBroker(url=url, namespace=namespace)
    try:
        with Worker.start(queues=[], env={"LABKIT_NAMESPACE": namespace}):
            # By name: the learner's modules, which `labkit.jobs` loads, are the worker's to read.
            job: Message[None] = Message(
                "default", "make_invoice_pdf", (number, "the room"), {}, {}
            )
            sent = broker.enqueue(job)
            deadline = time.monotonic() + JOB
            while (record := ledger.job(sent.message_id)) is None or not record.state.is_final:
                if time.monotonic() > deadline:
                    raise LabkitError(f"a worker runs, and did no job within {JOB:g} s")
                time.sleep(STEP)
        if record.state is not JobState.COMPLETED:
            raise LabkitError(f"a worker runs, and its job is {record.state}: {record.error}")
        return "starts, and runs a job"
    finally:
        # All of it: what `clear` leaves, an event that says so, nobody would ever read.
        if keys := list(ledger.client.scan_iter(match=f"{namespace}:*", count=1000)):
            ledger.client.delete(*keys)
        broker.close()
        ledger.client.close()
        (folder(settings) / f"{number}.pdf").unlink(missing_ok=True)


def _jupyter(settings: Settings) -> str:
    """Start JupyterLab as ``labkit lab`` would, until it answers."""
    if find_spec("jupyterlab") is None:
        raise LabkitError("not installed")
    port, token = free_port(None), secrets.token_hex(16)
    options = ["--no-browser", f"--port={port}", f"--IdentityProvider.token={token}"]
    line = launch.lab_command(settings, options)
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as place:
        log = Path(place) / "jupyter.log"
        env = {**launch.environment(settings), "JUPYTER_RUNTIME_DIR": place}
        server, deadline = tether.start(line, output=log, env=env), time.monotonic() + LAB
        try:
            while not _answers(f"http://{HOST}:{port}/api/status?token={token}"):
                if not server.running or time.monotonic() > deadline:
                    said = log.read_text(encoding="utf-8", errors="replace").splitlines()
                    raise LabkitError(f"JupyterLab does not answer: {''.join(said[-1:])}")
                time.sleep(STEP)
        finally:
            server.signal(signal.SIGTERM)
            if not server.wait(10):
                server.kill()
    return f"JupyterLab {version('jupyterlab')} answers on port {port}"


def _answers(url: str) -> bool:
    # A proxy of the company has no part in what stays on this machine.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(url, timeout=10) as reply:
            return bool(reply.status == 200)
    except OSError:
        return False


def _kernel(settings: Settings) -> str:
    """Run a cell in the kernel that ``labkit lab`` gives a notebook."""
    ran = subprocess.run(
        [sys.executable, "-m", "jupyter_client.runapp"],
        input="%load_ext labkit",
        env=launch.environment(settings),
        cwd=settings.root,
        capture_output=True,
        text=True,
        timeout=LAB,
        check=False,
    )
    if ran.returncode or "labkit" not in ran.stdout:
        raise LabkitError(f"no cell runs: {(ran.stdout + ran.stderr).strip().splitlines()[-1:]}")
    return "a notebook's kernel starts, and runs its first cell"


def _browser() -> Check:
    try:
        return Check("browser", True, webbrowser.get().name)
    except webbrowser.Error:
        todo = "Open the address that `make lab` prints, from a machine that has one."
        return Check("browser", None, "none found on this machine", todo)


def _notebooks(root: Path) -> Check:
    reset = "`labkit reset` brings the course's own back, and keeps what is there."
    if gone := originals.missing(root):
        return Check("notebooks", False, f"missing: {', '.join(gone)}", reset)
    changed = originals.changed(root)
    if changed is None:
        return Check("notebooks", None, "all there; without git nobody can tell if changed")
    if changed:
        return Check("notebooks", False, f"changed: {', '.join(changed)}", reset)
    return Check("notebooks", True, "all there, none changed")
