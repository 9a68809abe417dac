"""Widgets: the live board, and what stands beside it in a notebook.

Read ``watcher`` for what observes, ``live`` for how a view reaches the page, ``board`` for what is
drawn. They need the extra ``lab`` (Jupyter and anywidget).
"""

from __future__ import annotations

try:
    import anywidget as _anywidget  # noqa: F401
except ImportError as error:
    raise ImportError(
        "labkit.widgets needs Jupyter and anywidget, the extra `lab`: install labkit with "
        "`pip install '.[lab]'` in its checkout, or run `make lab` there."
    ) from error

from labkit.widgets.board import JobBoard
from labkit.widgets.class_board import ClassBoard
from labkit.widgets.task_form import TaskForm
from labkit.widgets.throughput import Throughput
from labkit.widgets.timeline import Timeline
from labkit.widgets.worker_panel import WorkerPanel

__all__ = ["ClassBoard", "JobBoard", "TaskForm", "Throughput", "Timeline", "WorkerPanel"]
