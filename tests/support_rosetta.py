"""Runs every twin of the Rosetta page: ``python -m tests.support_rosetta`` prints what fails.

A process of its own, in a root and on a Redis that are thrown away: the lines set brokers, declare
tables, generate files.
"""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import dramatiq

from labkit import tether
from labkit.course.contract import stage
from labkit.course.rosetta import Entry, entries
from labkit.settings import Settings
from tests.support import wait_until
from tools.notebooks import ROOT

#: What the lines take for granted: an application with a task in it.
BEFORE = """
import os, time
from datetime import datetime, timedelta
import dramatiq
import pytest
from sqlmodel import Field, SQLModel, select
from labkit import LabkitError, Ledger, Log, Settings, Task, actor, session
from labkit.actors import LabActor
from labkit.broker import LabBroker
from labkit.jobs import task_logger
from labkit.models import Model, after_commit, after_create
from labkit.testing import assert_difference
with session() as db:
    task = Task(title="Buy milk")
    db.add(task)
"""


def failures() -> Iterator[str]:
    """What does not run, or does not come true, one line each."""
    names: dict[str, Any] = {"__name__": "__main__", "raises": _raises}
    with stage() as root:
        exec(BEFORE, names)  # noqa: S102 - our own lines
        for entry in entries():
            try:
                _run(entry, names, root)
            except Exception as error:
                yield f"{entry.ruby} -> {entry.twin}: {type(error).__name__}: {error}"


def _run(entry: Entry, names: dict[str, Any], root: Path) -> None:
    match entry.kind:
        case "python":
            before = dramatiq.get_broker()
            exec(compile(entry.twin, entry.ruby, "exec", dont_inherit=True), names)  # noqa: S102
            if entry.holds and not eval(entry.holds, names):  # noqa: S307
                raise AssertionError(f"{entry.holds} is not true")
            dramatiq.set_broker(before)  # one of the lines sets another
        case "shell":
            _command(entry, root)
        case "file":
            if not any((place / entry.twin).exists() for place in (ROOT, Settings().work)):
                raise AssertionError("there is no such file")


def _command(entry: Entry, root: Path) -> None:
    line = shlex.split(entry.twin)
    if line[0] == "make":  # it is what has set this up
        line, where = ["make", "-n", *line[1:]], ROOT
    else:
        tool = Path(sys.executable).parent / line[0]
        line, where = [str(tool) if tool.exists() else line[0], *line[1:]], root
    if entry.until:
        _await(line, where, entry.until)
        return
    ran = subprocess.run(line, cwd=where, capture_output=True, text=True, check=False)
    if ran.returncode:
        raise AssertionError(ran.stdout + ran.stderr)


def _await(line: list[str], where: Path, text: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "log"
        started = tether.start(line, output=log, env=dict(os.environ), cwd=where)
        try:
            wait_until(lambda: text in log.read_text(), 30, f"{text!r} of {line}")
        finally:
            started.kill()


def _raises(error: type[BaseException], call: Callable[[], object]) -> bool:
    try:
        call()
    except error:
        return True
    return False


if __name__ == "__main__":
    found = list(failures())
    print("\n".join(found))
    sys.exit(bool(found))
