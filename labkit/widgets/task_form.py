"""TaskForm: create a task from the page, as the guide does in its browser."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from labkit.errors import LabkitError
from labkit.widgets import twin
from labkit.widgets.live import LiveWidget, front_end
from labkit.widgets.redact import safe_text

if TYPE_CHECKING:
    from labkit.models import Task


class TaskForm(LiveWidget):
    """A field for a title and a button that makes a Task of it, in ``labkit.database.session()``.

    What is bound to the Task model, such as a hook that enqueues a job, happens as with any task.
    """

    _esm = front_end("live.js", "shapes.js", "task_form.js")
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
        from labkit.database import session  # here: a board alone needs no database
        from labkit.models import Task

        with session() as db:
            task = Task(title=title)
            db.add(task)
        return task

    def hear(self, message: dict[str, Any]) -> None:
        """Create what the page asks for, and say what came of it."""
        said: dict[str, Any] = {}
        if message.get("kind") == "create" and isinstance(title := message.get("title"), str):
            try:
                task = self.create(title)
            except LabkitError as error:
                said = {"message": safe_text(str(error), 500), "created": False}
            else:
                said = {"message": f"Task {task.id} created", "created": True}
        self.update(**said, answered=self.answers())
