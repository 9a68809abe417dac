"""The story: what a learner writes in chapters 01 to 09 is an application that leaves the course.

The chapters' own cells are followed: those that save a file or put one aside, those that run
``labkit``, and the answers that a chapter says to keep, each with the test beside it.
"""

from __future__ import annotations

import re
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import nbformat
import pytest

from labkit.course import chapters
from tests.support import wait_until
from tools.notebooks import ROOT, environment

FIRST, LAST = 1, 9
#: A chapter's words where it saves the test itself: the file, and what stands above the answer.
KEEP = re.compile(r"begins with `%%work (?P<file>\S+)`, and then (?P<above>.*?) and your function")
TASK = "from app.factories import create_task; import labkit.jobs; create_task('Buy milk')"


def cells() -> Iterator[tuple[chapters.Chapter, Any]]:
    for number in range(FIRST, LAST + 1):
        chapter = chapters.find(f"{number:02}")
        for cell in nbformat.read(ROOT / f"notebooks/{chapter.notebook}.ipynb", 4).cells:
            yield chapter, cell


@pytest.fixture
def course(tmp_path: Path) -> Path:
    """The root of a course, with nothing in it yet, in a home of its own."""
    root = tmp_path / "labkit"
    (root / "notebooks").mkdir(parents=True)
    (root / "labkit.toml").touch()
    return root


def home(root: Path) -> dict[str, str]:
    """The variables of a learner's terminal."""
    return environment(root) | {"HOME": str(root.parent)}


def sh(command: str, cwd: Path, env: dict[str, str]) -> str:
    ran = subprocess.run(  # noqa: S602 - as a learner types it, from our own notebooks
        command,
        shell=True,
        cwd=cwd,
        env=env,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, f"{command}\n{ran.stdout}\n{ran.stderr}"
    return ran.stdout


def follow(root: Path) -> list[str]:
    """Do what the chapters' cells do in ``work/``; returns the files that were kept."""
    kept, ran, before, task = [], set(), "", None
    for chapter, cell in cells():
        first, _, rest = cell.source.partition("\n")
        if first.startswith("%%work "):
            save(root, first.removeprefix("%%work "), rest)
        for line in cell.source.splitlines():
            if line.startswith(("!labkit generate", "!labkit db")) and line not in ran:
                ran.add(line)
                sh(line[1:], root / "notebooks", home(root))
        for names in re.findall(r"put_aside\((.*)\)", cell.source):
            for name in re.findall(r'"(.*?)"', names):
                (root / "work" / name).unlink(missing_ok=True)
        if found := re.fullmatch(r'keep_test\("(\S+)"\)', cell.source):
            kept.append(f"{chapter.number} {keep(root, found[1], before)}")
        if found := re.match(r'check\("(\S+)"', cell.source):
            task = chapters.exercise(found[1])
        if (found := KEEP.search(cell.source)) and task is not None and task.keep is None:
            above = "\n".join(re.findall(r"`([^`]+)`", found["above"]))
            save(root, found["file"], f"{above}\n\n{task.solution}")
            kept.append(f"{chapter.number} {found['file']}")
        before = cell.source
    return kept


def keep(root: Path, key: str, words: str) -> str:
    """Keep a solution where the chapter says so, and a test beside it; returns the file."""
    task = chapters.exercise(key)
    assert task.keep is not None
    assert f"`%%work {task.keep.file}`" in words
    save(root, task.keep.file, task.keep.around(task.solution))
    save(root, task.keep.test_file, task.keep.test)
    return task.keep.file


def save(root: Path, name: str, text: str) -> None:
    path = root / "work" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def block(chapter: str, language: str, beginning: str) -> str:
    """The one fenced block of a chapter that begins so."""
    [found] = [
        match
        for where, cell in cells()
        if where.number == chapter
        for match in re.findall(rf"```{language}\n(.*?)```", cell.source, flags=re.DOTALL)
        if match.startswith(beginning)
    ]
    return str(found)


def logs(root: Path) -> int:
    """How many logs are in the database that an application has in its own folder."""
    with closing(sqlite3.connect(root / ".labkit" / "development.sqlite3")) as db:
        return int(db.execute("SELECT count(*) FROM app_logs").fetchone()[0])


@contextmanager
def running(command: str, cwd: Path, env: dict[str, str]) -> Iterator[None]:
    process = subprocess.Popen(command.split(), cwd=cwd, env=env, start_new_session=True)
    try:
        yield
    finally:
        process.terminate()
        process.wait(30)


@pytest.mark.timeout(300)
def test_what_the_chapters_leave_in_work_runs_outside_of_the_course(course: Path) -> None:
    kept = follow(course)
    assert kept == [
        "01 app/mail_status.py",
        "02 app/line.py",
        "03 app/jobs/stopwatch.py",
        "05 app/politely.py",
        "06 app/sending.py",
        "07 app/assertions.py",
        "08 app/catch_up.py",
        "09 app/outbox.py",
    ]
    env = home(course)
    sh(block("09", "bash", "labkit generate model outbox"), course / "notebooks", env)
    sh(
        "git add -A && git commit --quiet -m 'Log new tasks in the background'",
        course / "work",
        env,
    )

    *commands, worker = block("08", "bash", "git clone").splitlines()
    here = course
    for command in commands:
        if command.startswith("cd "):
            here = Path(command.removeprefix("cd ").replace("~", env["HOME"]))
        else:
            said = sh(command, here, env)
            if command == "pytest":
                assert re.search(r"\b17 passed", said), said
    with running(worker, here, env):
        sh(f'{sys.executable} -c "{TASK}"', here, env)
        wait_until(lambda: logs(here) == 1, 30, "the worker has written a log of the new task")
        caught_up = block("08", "python", "from app.catch_up")
        assert sh(f"{sys.executable} -c '{caught_up}'", here, env).strip() == "[]"
