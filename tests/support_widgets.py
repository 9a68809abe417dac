"""Both sides of a widget without a browser: who is told by the watcher, and what a page keeps."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from labkit.ledger.records import JobState
from labkit.widgets.looking import Picture, Question
from tests.support import wait_until

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from labkit.widgets.live import LiveWidget


class Onlooker:
    """A reader that writes down what it is told, and when."""

    def __init__(self, **question: object) -> None:
        self.asks = Question(**question)  # type: ignore[arg-type]
        self.pictures: list[tuple[float, Picture]] = []
        self.losses: list[tuple[float, datetime, str]] = []

    def question(self) -> Question:
        return self.asks

    def tell(self, picture: Picture) -> int:
        self.pictures.append((time.monotonic(), picture))
        return 0

    def lose(self, since: datetime, why: str) -> None:
        self.losses.append((time.monotonic(), since, why))

    @property
    def last(self) -> Picture:
        wait_until(lambda: self.pictures, description="a first picture")
        return self.pictures[-1][1]

    def sees(self, **counts: int) -> None:
        """Wait until it has been told these counts."""
        wait_until(
            lambda: all(self.last.counts[JobState(name)] == n for name, n in counts.items()),
            description=f"it sees {counts}",
        )


class FakePage:
    """Follows a widget's view as live.js does: by numbered merge patches."""

    def __init__(self, widget: LiveWidget, name: str = "page1") -> None:
        self.widget = widget
        self.name = name
        self.asked = 0
        self.news: list[dict[str, Any]] = []
        opened = widget.get_state()["view"]
        self.view: dict[str, Any] = opened["whole"]
        self.revision = opened["revision"]
        widget.observe(self._take, "view")

    def _take(self, change: dict[str, Any]) -> None:
        news = change["new"]
        self.news.append(news)
        if "whole" in news:
            self.view = news["whole"]
        elif news["base"] == self.revision:
            self.view = merge(self.view, news["patch"])
        else:
            self.send(kind="whole")
            return
        self.revision = news["revision"]

    def send(self, **message: Any) -> None:
        self.widget._handle_custom_msg(message, [])

    def ask(self, **message: Any) -> None:
        """Send a wish and wait until it is answered."""
        self.asked += 1
        self.send(**message, ask=[self.name, self.asked])
        self.wait_until(lambda view: view["answered"].get(self.name) == self.asked)

    def wait_until(self, shows: Callable[[dict[str, Any]], Any], timeout: float = 5.0) -> None:
        """Until the view is so; a view that lacks a key is not."""

        def reached() -> bool:
            try:
                return bool(shows(self.view))
            except KeyError:
                return False

        try:
            wait_until(reached, timeout)
        except AssertionError as error:
            error.add_note(f"The view is {self.view}")
            raise


def merge(target: Any, patch: Any) -> Any:
    """RFC 7396, section 2."""
    if not isinstance(patch, dict):
        return patch
    merged = dict(target) if isinstance(target, dict) else {}
    for key, value in patch.items():
        if value is None:
            merged.pop(key, None)
        else:
            merged[key] = merge(merged.get(key), value)
    return merged
