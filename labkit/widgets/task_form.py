"""TaskForm: create a task from the page, as the guide does in its browser."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from labkit.errors import LabkitError
from labkit.redact import safe_text
from labkit.widgets import twin
from labkit.widgets.live import SHARED, LiveWidget, front_end

if TYPE_CHECKING:
    from labkit.models import Task


class TaskForm(LiveWidget):
    """A field for a title and a button that makes a Task of it, in ``labkit.database.session()``.

    What is bound to the Task model, such as a hook that enqueues a job, happens as with any task.
    """

    _esm = front_end(*SHARED, "task_form.js")
    _css = front_end("live.css", "task_form.css")
    _stands_in = twin.stand_in("form for new tasks")

    def __init__(self) -> None:
        super().__init__({"answered": {}})

    def create(self, title: str) -> Task:
        """Create a task, as the button does.

        Raises:
          InvalidRow: the title is empty, or too long.
          DatabaseNotReady: there is no table for it.
        """
        from labkit.models import Task  # here: a board alone needs no database

        task = Task(title=title)
        _save(task)
        return task

    def hear(self, message: dict[str, Any]) -> None:
        """Create what the page asks for, and say what came of it."""
        said: dict[str, Any] = {}
        if message.get("kind") == "create" and isinstance(title := message.get("title"), str):
            said = _try_to_create(title)
        self.update(**said, answered=self.answers())


def _save(task: Task) -> None:
    from labkit.database import session

    with session() as db:
        db.add(task)


def _try_to_create(title: str) -> dict[str, Any]:
    from sqlalchemy import inspect

    from labkit.models import Task

    try:
        task = Task(title=title)
    except LabkitError as error:
        return {"message": safe_text(str(error), 500), "created": False}
    try:
        _save(task)
    except Exception as error:  # a hook is anybody's code, and the page waits for an answer
        shown = str(error) if isinstance(error, LabkitError) else f"{type(error).__name__}: {error}"
        if inspect(task).detached:  # from its session, which has committed
            shown = f"Task {task.id} is saved, but what should follow failed. {shown}"
        return {"message": safe_text(shown, 500), "created": False}
    return {"message": f"Task {task.id} created", "created": True}
