"""WatchingWidget: a widget that draws what a Watcher observes of one place."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from labkit.redact import safe_text
from labkit.widgets.caretaker import Caretaker
from labkit.widgets.live import LiveWidget, writing
from labkit.widgets.looking import LOST, look_now
from labkit.widgets.present import millis

if TYPE_CHECKING:
    from labkit.ledger.reader import Ledger
    from labkit.widgets.looking import Picture, Question
    from labkit.widgets.place import Place
    from labkit.widgets.watcher import Watcher


class WatchingWidget(LiveWidget):
    """A reader of the watcher of its place, for as long as a page may show it.

    It watches from its making on, for a kernel that is busy hears no page; and until a page says
    that it cannot be seen, or none has said anything for a quarter of an hour.

    Without ``live`` nobody watches: it looks whenever a page, or somebody in Python, asks.
    """

    def __init__(
        self,
        place: Place,
        question: Question,
        whole: dict[str, Any],
        *,
        live: bool = True,
        **traits: Any,
    ) -> None:
        self._place = place
        self._question = question
        self._watcher: Watcher | None = None
        self._seen_at = datetime.now(UTC)
        self._own_ledger: Ledger | None = None
        self._fixed = {"place": _describe(place)} | ({} if live else {"manual": True})
        super().__init__({**self._fixed, "answered": {}, **whole}, **traits)
        if live:
            self._watcher = place.watch(self)

    def draw(self, picture: Picture) -> dict[str, Any]:
        """What to show of a picture, as a view."""
        raise NotImplementedError

    def beside(self) -> dict[str, Any]:
        """What the view holds whatever the watcher sees."""
        return {}

    def ask(self, **changes: Any) -> None:
        """Look for something else from now on."""
        with writing:
            self._question = replace(self._question, **changes)
        if self._watcher is not None:
            self._watcher.ask()
        elif "manual" in self._fixed:
            self.refresh()

    def refresh(self) -> None:
        """Look now, and show it before this returns: also where no update comes by itself."""
        with writing:
            if self._closed:
                return
            try:
                if self._own_ledger is None:
                    self._own_ledger = self._place.open_ledger(1)
                    self._caretaker = Caretaker(self._own_ledger)
                picture = look_now(self._own_ledger, self._question)
                self.tell(picture)
                self._caretaker.care(picture.counts, picture.workers)
            except LOST as error:
                self.lose(self._seen_at, str(error) or type(error).__name__)
                self.update(answered=self.answers())

    # -- a reader of the watcher -----------------------------------------------------------------

    def question(self) -> Question:
        """What the watcher looks for on its next look."""
        with writing:
            return self._question

    def tell(self, picture: Picture) -> int:
        """Show what the watcher saw; returns the bytes sent."""
        drawn = self.draw(picture)
        with writing:
            # A picture of an earlier question must not pass for the answer to a later one.
            is_answer = picture.question == self._question
            answered = self.answers() if is_answer else self._whole["answered"]
            fixed = {**self._fixed, **self.beside()}
            self._seen_at = datetime.now(UTC)
            return self.publish({**drawn, **fixed, "answered": answered})

    def lose(self, since: datetime | None, why: str) -> None:
        """Show that Redis does not answer, and since when the view may be wrong."""
        self.update(live=False, since=millis(since or self._seen_at), why=safe_text(why, 300))

    # -- what a page says ------------------------------------------------------------------------

    def hear(self, message: dict[str, Any]) -> None:
        """Watch, or rest while no page can be seen."""
        if "manual" in self._fixed:
            if message.get("kind") == "refresh" or message.get("visible") is True:
                self.refresh()
            return
        if message.get("kind") != "seen" or self._watcher is None:
            return
        if message.get("visible") is not True:
            if self._whole.get("live"):
                self._seen_at = datetime.now(UTC)
            self._watcher.remove(self)
        elif not self._watcher.add(self):
            self._watcher = self._place.watch(self)

    def close(self) -> None:
        """Stop watching and give up the widget; may be called again."""
        if self._watcher is not None:
            self._watcher.remove(self)
        if self._own_ledger is not None:
            self._own_ledger.client.close()
        super().close()

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._place!r})"


def _describe(place: Place) -> dict[str, Any]:
    shown = {"namespace": safe_text(place.namespace, 60)}
    if place.address:
        shown["address"] = safe_text(place.address, 120)
    return shown
