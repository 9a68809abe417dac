"""The course's own actors; ``dramatiq labkit.jobs`` is the worker that runs them.

The learner's modules in ``work/app/jobs/`` and ``work/app/models/`` are loaded behind them. An
actor declared there under the name of one of ours takes its place, and a ``models/task.py`` that of
our hook.
"""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

from labkit.actors import actor, default_broker
from labkit.database import session
from labkit.invoice import make_invoice
from labkit.mail import send_welcome
from labkit.models import Log, Task, after_commit
from labkit.settings import Settings

LEARNERS_TASK = "app.models.task"


@actor
def task_logger(task_id: int) -> None:
    """Write a Log row about a new task, and print its message.

    Raises:
      LookupError: no such task (any more): Dramatiq tries again later.
    """
    with session() as db:
        task = db.get(Task, task_id)
        if task is None:
            raise LookupError(f"there is no task {task_id}")
        log = Log(task_id=task_id, message=f"Task created: {task.title}")
        db.add(log)
    print(log.message)  # noqa: T201 - a worker's window is where this belongs


@actor
def send_welcome_email(address: str) -> None:
    """Send the e-mail of chapter 01's sign-up.

    Raises:
      OSError, smtplib.SMTPException: the mail server did not take it: Dramatiq tries again later.
    """
    send_welcome(address)


@actor
def make_invoice_pdf(number: str, customer: str) -> None:
    """Make the PDF of chapter 01's sign-up; doing it twice gives the same file."""
    make_invoice(number, customer)


def log_new_task(task: Task) -> None:
    """The Task model's hook: enqueue the log of a task once its row is committed."""
    # A learner's own app/models/task.py says itself what follows a new task.
    if LEARNERS_TASK not in sys.modules:
        # By name, because the learner's own task_logger may have taken the place of ours.
        default_broker().get_actor("task_logger").send(task.id)


after_commit(Task, log_new_task)


def load_learners_modules(work: Path) -> list[str]:
    """Import every module of ``work/app/jobs/`` and ``work/app/models/``; returns their names.

    An error in one of them is raised as it is: it is the learner's to read.
    """
    modules = [
        f"app.{folder}.{path.stem}"
        for folder in ("jobs", "models")
        for path in sorted((work / "app" / folder).glob("*.py"))
        if path.stem != "__init__"
    ]
    if modules and str(work) not in sys.path:
        sys.path.insert(0, str(work))
    for module in modules:
        importlib.import_module(module)
    return modules


load_learners_modules(Settings().work)
