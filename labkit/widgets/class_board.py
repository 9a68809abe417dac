"""ClassBoard: for whoever teaches; a row for each learner on one Redis, live, nothing to press."""

from __future__ import annotations

from datetime import UTC, datetime
from html import escape
from typing import TYPE_CHECKING, Any

from labkit.ledger.namespaces import Namespaces
from labkit.ledger.records import JobState
from labkit.redact import safe_text
from labkit.widgets import twin
from labkit.widgets.board import JobBoard
from labkit.widgets.live import SHARED, LiveWidget, front_end, writing
from labkit.widgets.looking import LOST
from labkit.widgets.present import millis

if TYPE_CHECKING:
    from labkit.ledger.namespaces import Standing

_COLUMNS = ("Learner", *JobState, "Workers", "Last change (UTC)")


class ClassBoard(LiveWidget):
    """How each namespace of a Redis stands: its jobs by state, its workers, its last change.

    It asks once a second while it can be seen: one round trip for all of them. It writes nothing,
    and acts on nothing; ``board("ann")`` opens one learner's jobs.

    Parameters:
      url: A Redis to look at in place of that of ``Settings()``.

    Raises:
      ConfigurationError: ``url`` is no URL of a Redis.
    """

    _esm = front_end(*SHARED, "class_board.js")
    _css = front_end("live.css", "class_board.css")
    _stands_in = twin.stand_in("class board", "its snapshot() keeps it as a table")

    def __init__(self, url: str | None = None) -> None:
        self._url = url
        self._namespaces = Namespaces(url)
        self._seen_at = datetime.now(UTC)
        super().__init__({"answered": {}, "states": [str(state) for state in JobState]})

    def refresh(self) -> None:
        """Look now, and show it before this returns."""
        with writing:
            try:
                rows = {one.namespace: _show(one) for one in self._namespaces.look()}
                self._seen_at = datetime.now(UTC)
                seen = {"rows": rows, "clock": millis(self._seen_at), "live": True}
            except LOST as error:
                why = safe_text(str(error) or type(error).__name__, 300)
                seen = {"live": False, "since": millis(self._seen_at), "why": why}
            self.update(**seen, answered=self.answers())

    def board(self, namespace: str) -> JobBoard:
        """One learner's jobs, for looking only."""
        return JobBoard(self._url, namespace, read_only=True)

    def snapshot(self) -> twin.Snapshot:
        """The class at this moment, as a static table.

        Raises:
          RedisUnavailable: Redis does not answer.
        """
        found = self._namespaces.look()
        rows = "".join(f"<tr>{_cells(one)}</tr>" for one in found)
        head = "".join(f"<th>{escape(name)}</th>" for name in _COLUMNS)
        table = f"<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>"
        jobs = sum(sum(one.counts.values()) for one in found)
        text = f"Class board: {len(found)} namespaces, {jobs} jobs"
        return twin.Snapshot(f"<div><p><strong>Class board</strong></p>{table}</div>", text)

    def hear(self, message: dict[str, Any]) -> None:
        """Look when a page asks, as it does while it can be seen."""
        if message.get("kind") == "refresh" or message.get("visible") is True:
            self.refresh()

    def close(self) -> None:
        """Give up the widget and its connection; may be called again."""
        self._namespaces.client.close()
        super().close()


def _show(one: Standing) -> dict[str, Any]:
    counts = {str(state): count for state, count in one.counts.items()}
    shown = {"name": safe_text(one.namespace, 60), "workers": one.workers}
    return {**counts, **shown, "changed": millis(one.changed_at)}


def _cells(one: Standing) -> str:
    numbers = (f"{number:,}" for number in (*one.counts.values(), one.workers))
    cells = [escape(safe_text(one.namespace)), *numbers, f"{one.changed_at:%H:%M:%S}"]
    return "".join(f"<td>{cell}</td>" for cell in cells)
