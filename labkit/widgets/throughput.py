"""Throughput: what each of the last minutes did, and how long jobs waited for their start."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, Any

from labkit.ledger.history import Recent
from labkit.redact import safe_text
from labkit.widgets import twin
from labkit.widgets.aside import Wish
from labkit.widgets.live import SHARED, front_end
from labkit.widgets.looking import Question
from labkit.widgets.place import Place
from labkit.widgets.present import millis
from labkit.widgets.watching import WatchingWidget

if TYPE_CHECKING:
    from labkit.ledger.history import Minute
    from labkit.widgets.looking import Picture

MOST = 120
NOT_RECORDED = (
    "Throughput: not recorded. Stock Dramatiq counts no jobs; with LabBroker each counts."
)
_COLUMNS = ("Minute (UTC)", "Completed", "Failed", "Half began within", "95 in 100 within")


class Throughput(WatchingWidget):
    """Jobs completed and attempts failed in each minute, and the time from due to start.

    The counters are Redis's own minutes of a day; what a stock worker runs is not among them.

    Parameters:
      url, namespace: Another place to look at, as for ``JobBoard``.
      minutes: How many are shown, 5 to 120.

    Raises:
      ConfigurationError: ``url`` is no URL of a Redis.
      ValueError: ``minutes`` is out of bounds.
    """

    _esm = front_end(*SHARED, "throughput.js")
    _css = front_end("live.css", "throughput.css")
    _stands_in = twin.stand_in("throughput chart", "its snapshot() keeps it as a table")

    def __init__(
        self, url: str | None = None, namespace: str | None = None, *, minutes: int = 30
    ) -> None:
        if not 5 <= minutes <= MOST:
            raise ValueError(f"a chart shows 5 to {MOST} minutes, not {minutes!r}")
        self._minutes = minutes
        question = Question(limit=1, wish=Wish(recent=Recent(), minutes=minutes))
        super().__init__(Place.of(url, namespace), question, {"length": minutes})

    def draw(self, picture: Picture) -> dict[str, Any]:
        """The minutes in which something happened, by their number since 1970."""
        shown = [one for one in picture.aside.minutes if one.is_busy]
        return {
            "minutes": {str(millis(one.at) // 60_000): _show_minute(one) for one in shown},
            "length": self._minutes,
            "clock": millis(picture.at),
            "live": True,
            **({} if picture.is_recorded else {"stock": True}),
        }

    def snapshot(self) -> twin.Snapshot:
        """The minutes as a static table.

        Raises:
          RedisUnavailable: Redis does not answer.
        """
        with self._place.ledger() as ledger:
            if not ledger.is_recorded():
                return twin.Snapshot(f"<p>{NOT_RECORDED}</p>", NOT_RECORDED)
            busy = [one for one in ledger.minutes(self._minutes) if one.is_busy]
        rows = "".join(f"<tr>{_cells(one)}</tr>" for one in reversed(busy))
        head = "".join(f"<th>{escape(name)}</th>" for name in _COLUMNS)
        namespace = escape(safe_text(self._place.namespace))
        html = f"<p><strong>Throughput</strong> · namespace {namespace}</p>"
        html += f"<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>"
        completed, failed = sum(one.completed for one in busy), sum(one.failed for one in busy)
        text = f"Throughput of {self._minutes} minutes: {completed} completed, {failed} failed"
        return twin.Snapshot(f"<div>{html}<p>{text}.</p></div>", text)


def _show_minute(minute: Minute) -> dict[str, int]:
    shown = {"completed": minute.completed, "failed": minute.failed}
    if minute.median_wait is not None and minute.p95_wait is not None:
        shown |= {"median": minute.median_wait, "p95": minute.p95_wait}
    return shown


def _cells(minute: Minute) -> str:
    waits = [
        "" if wait is None else twin.duration(wait)
        for wait in (minute.median_wait, minute.p95_wait)
    ]
    cells = [f"{minute.at:%H:%M}", f"{minute.completed:,}", f"{minute.failed:,}", *waits]
    return "".join(f"<td>{cell}</td>" for cell in cells)
