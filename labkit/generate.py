"""Writes a job of the learner's own, with its test, into ``work/``: Rails' ``generate job``.

    generate_job("task_logger", root)

gives ``work/app/jobs/task_logger.py`` and ``work/tests/jobs/test_task_logger.py``. The first time
it makes ``work/`` itself: a small application with a repository of its own. A file that is there
already is never written over, unless asked.
"""

from __future__ import annotations

import builtins
import keyword
import re
import shutil
import subprocess
import sys
from pathlib import Path

from labkit.errors import GenerateError
from labkit.settings import Settings

JOB = '''\
"""The job {name}. A worker loads it: restart the worker after a change."""

from labkit import actor


@actor
def {name}() -> None:
    """What the worker does goes here."""
'''

TEST = '''\
"""Tests of the job {name}: run them with `pytest`, in work/."""

from app.jobs.{name} import {name}
from labkit.testing import assert_difference, fake


def test_{name}_is_enqueued() -> None:
    with fake(), assert_difference(lambda: len({name}.jobs), 1):
        {name}.send()
'''

#: What ``work/`` is made of, besides what is generated into it.
SKELETON = {
    "README.md": """\
# Your application

`app/jobs/` holds your jobs, `app/models/` your models, `tests/` their tests.

    labkit db upgrade         brings the database up to date
    labkit db prepare-test    makes the database of the tests anew
    dramatiq labkit.jobs      runs the jobs (or: labkit worker)
    pytest                    runs the tests, in this folder

It needs the course's package and may leave the course: clone it to where you like, install labkit
from the course's folder (`pip install PATH`) and pytest, and run the same commands in the clone.
There it has a Redis and a database of its own, in `.labkit/`, unless REDIS_URL and DATABASE_URL
name others.
""",
    "pyproject.toml": """\
[tool.pytest.ini_options]
testpaths = ["tests"]
pythonpath = ["."]
# nbval compares notebooks, and importing it takes longer than these tests do.
addopts = ["-p", "no:nbval"]
""",
    ".gitignore": "__pycache__/\n.pytest_cache/\n.labkit/\n.venv/\n",
    "conftest.py": '''\
"""Tests use the test environment, and so a database of their own."""

import os

os.environ["LABKIT_ENV"] = "test"
''',
    "app/__init__.py": "",
    "app/jobs/__init__.py": "",
}

#: Names that a job of the same name would hide, in its own file or where it is imported.
_RESERVED = {"actor", "app", "tests", "labkit", "dramatiq", "redis", "sqlmodel", "pytest", "jobs"}


def generate_job(name: str, root: Path, *, overwrite: bool = False) -> list[str]:
    """Write the job ``name`` and its test under ``root/work``.

    Returns:
      list[str]: a line for each file, such as ``create     app/jobs/task_logger.py``; ``identical``
      where it stands already, ``kept`` where it has been changed since.

    Raises:
      GenerateError: a name that cannot be; nothing is written.
    """
    check_name(name)
    work = Settings(root=root).work
    make_work(work)
    return [
        write(work, Path("app", "jobs", f"{name}.py"), JOB.format(name=name), overwrite),
        write(work, Path("tests", "jobs", f"test_{name}.py"), TEST.format(name=name), overwrite),
    ]


def make_work(work: Path) -> list[str]:
    """Make ``work/`` where it is not: an application in a git repository, ready to be committed to.

    Returns:
      list[str]: a line for each file that was made.
    """
    lines = [
        write(work, Path(path), content)
        for path, content in SKELETON.items()
        if not (work / path).exists()
    ]
    if shutil.which("git") and not (work / ".git").exists():
        _git(work, "init", "--quiet", "--initial-branch=main")
        # On a machine where git knows nobody, a commit would be refused.
        if not _git(work, "config", "user.email"):
            _git(work, "config", "user.name", "Learner")
            _git(work, "config", "user.email", "learner@localhost")
    return lines


def check_name(name: str) -> None:
    """Refuse a name that no job can have.

    Raises:
      GenerateError: no identifier in small letters, or a name that would hide something else.
    """
    if not re.fullmatch(r"[a-z][a-z0-9]*(_[a-z0-9]+)*", name):
        raise GenerateError(
            f"{name!r} is no name for a job: small letters and digits, words joined by '_', a "
            "letter first, as in task_logger."
        )
    if keyword.iskeyword(name) or keyword.issoftkeyword(name):
        raise GenerateError(f"{name!r} is a word of Python's own. Choose another name.")
    if name in _RESERVED or name in sys.stdlib_module_names or hasattr(builtins, name):
        raise GenerateError(f"A job {name!r} would hide {name!r}. Choose another name.")


def write(work: Path, path: Path, content: str, overwrite: bool = False) -> str:
    """Write one file under ``work`` unless it is there; the line that says what was done."""
    file = work / path
    outcome = "create"
    if file.exists():
        if file.read_text(encoding="utf-8") == content:
            outcome = "identical"
        else:
            outcome = "overwrite" if overwrite else "kept"
    if outcome in ("create", "overwrite"):
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(content, encoding="utf-8")
    return f"{outcome:<10} {path.as_posix()}"


def _git(folder: Path, *arguments: str) -> str:
    done = subprocess.run(
        ["git", *arguments], cwd=folder, capture_output=True, text=True, check=False
    )
    return done.stdout.strip()
