"""The course's own job and hook, and the learner's modules that take their places."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from labkit.settings import Settings

JOB = """\
from labkit import actor

@actor
def task_logger(task_id):
    print(f"mine {task_id}")
"""

MODEL = """\
from labkit import Task
from labkit.models import after_commit

from app.jobs.task_logger import task_logger


def log_task_details(task):
    task_logger.send(task.id)


after_commit(Task, log_task_details)
"""

# In a process of its own: modules, actors and hooks are the whole process's.
PROGRAM = """\
from labkit import Ledger, Log, Task, session
from labkit.database import create_tables
from labkit.jobs import task_logger
from labkit.testing import drain, fake
from sqlmodel import select

create_tables()
with fake():
    with session() as db:
        db.add(Task(title="Buy milk"))
    jobs = [(job.actor_name, *job.args) for job in task_logger.jobs]
    drain()
with session() as db:
    print(jobs, [log.message for log in db.exec(select(Log))])
"""


def outcome() -> list[str]:
    """The lines that a new task leads to."""
    ran = subprocess.run(
        [sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran.stderr
    return ran.stdout.splitlines()


def save(root: Path, name: str, text: str) -> None:
    place = root / "work" / "app" / name
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text(text)


pytestmark = pytest.mark.usefixtures("settings")


def test_a_new_task_has_its_job_which_writes_a_log() -> None:
    message = "Task created: Buy milk"
    assert outcome() == [message, f"[('task_logger', 1)] [{message!r}]"]


def test_the_learners_job_takes_the_place_of_ours_behind_our_hook(settings: Settings) -> None:
    save(settings.root, "jobs/task_logger.py", JOB)
    assert outcome() == ["mine 1", "[('task_logger', 1)] []"]


def test_the_learners_hook_takes_the_place_of_ours_too(settings: Settings) -> None:
    save(settings.root, "jobs/task_logger.py", JOB)
    save(settings.root, "models/task.py", MODEL)
    assert outcome() == ["mine 1", "[('task_logger', 1)] []"]


def test_a_hook_that_the_learner_deletes_is_not_replaced_by_ours(settings: Settings) -> None:
    save(settings.root, "jobs/task_logger.py", JOB)
    save(settings.root, "models/task.py", MODEL.rpartition("after_commit(")[0])
    assert outcome() == ["[] []"]


def test_an_error_in_a_learners_module_is_told_as_it_is(settings: Settings) -> None:
    save(settings.root, "models/task.py", "1 / 0")
    ran = subprocess.run(
        [sys.executable, "-c", "import labkit.jobs"], capture_output=True, text=True, check=False
    )
    assert "ZeroDivisionError" in ran.stderr
    assert 'work/app/models/task.py", line 1' in ran.stderr
