"""Acting: what a board's buttons do with jobs, in threads, and what it says of that.

A page is told three things: ``acting``, how far an action on many jobs is; ``said``, what came of
the last one, with the line of Python that does the same; and ``acted``, the last of its own wishes
that is done, so that its button waits as long as it must, be it for a kernel that is busy.
"""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Any, ClassVar

import traitlets

from labkit.errors import AlreadyTaken, LabkitError, ReadOnly
from labkit.ledger.selection import Outcome
from labkit.redact import safe_text
from labkit.settings import Settings
from labkit.widgets.deed import JobsDeed, WorkerDeed, asked_by, do_to_worker, quote
from labkit.widgets.live import front_end, writing
from labkit.widgets.watching import WatchingWidget

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from labkit.ledger.reader import Ledger
    from labkit.ledger.records import JobState
    from labkit.ledger.selection import Selection
    from labkit.widgets.looking import Question
    from labkit.widgets.place import Place

#: Seconds between two words on how far an action is.
TICK = 0.1
_KINDS = ("act", "count", "stop")


class ActingWidget(WatchingWidget):
    """A widget that acts on the jobs and the workers it shows, unless its place is read-only.

    Its actions are a module of their own on the page, which is sent where there are any.
    """

    _more = traitlets.Unicode().tag(sync=True)
    _ACTIONS: ClassVar[str] = front_end("nodes.js", "words.js", "shapes.js", "board_actions.js")

    def __init__(
        self,
        place: Place,
        question: Question,
        whole: dict[str, Any],
        *,
        live: bool,
    ) -> None:
        self._read_only = place.read_only
        self._code = _code(place)
        self._busy = threading.Lock()
        self._stopped = threading.Event()
        self._beside: dict[str, Any] = {"acting": {}, "said": {}, "acted": {}, "counted": {}}
        if not self._read_only:
            self._beside["code"] = self._code
        more = "" if self._read_only else self._ACTIONS
        super().__init__(place, question, {**whole, **self._beside}, live=live, _more=more)

    # -- for Python ------------------------------------------------------------------------------

    def act(self, action: str, *job_ids: str, when: datetime | None = None) -> Outcome:
        """What the board's buttons do: ``board.act("retry", job_id)``; waits until it is done.

        Parameters:
          action: ``run_now``, ``retry``, ``cancel``, ``reschedule`` (this one takes ``when``) or
            ``delete``.

        Raises:
          ReadOnly: this board is for looking only.
          AlreadyTaken, UnknownJob: the one job; of several they are counted in the outcome.
        """
        return self._act(action, lambda ledger: ledger.select(ids=job_ids), when)

    def act_on_all(
        self,
        action: str,
        state: JobState | str,
        queue: str | None = None,
        actor: str | None = None,
        *,
        when: datetime | None = None,
    ) -> Outcome:
        """The same for all jobs in a state, of one queue and one actor where these are given.

        Raises:
          ReadOnly: this board is for looking only.
          AlreadyTaken: the board is in the middle of another action.
        """
        return self._act(action, lambda ledger: ledger.select(state, queue, actor), when)

    def act_on_worker(self, action: str, worker: str) -> str:
        """``quiet``, ``resume``, ``stop`` or ``kill`` a labkit worker; returns what came of it.

        Parameters:
          worker: ``host:pid``; to be stopped or killed it must run on this machine.

        Raises:
          ReadOnly: this board is for looking only.
          WorkerError: no such worker lives, or it cannot be ended from here.
        """
        self._refuse_if_read_only()
        with self._place.ledger(read_only=False) as ledger:
            said = do_to_worker(ledger, action, worker)
        self.ask()  # a mark on a card is no event: look at once
        return said

    def stop(self) -> None:
        """End the action on many jobs that goes on: what is done stays done, the rest is left."""
        self._stopped.set()
        if acting := self._beside["acting"]:
            self._tell_beside(acting={**acting, "stopping": True})

    def _act(
        self,
        action: str,
        choose: Callable[[Ledger], Selection],
        when: datetime | None = None,
    ) -> Outcome:
        self._refuse_if_read_only()
        try:
            with self._place.ledger(read_only=False) as ledger:
                return self._act_through(ledger, action, choose(ledger), when)
        finally:
            self.ask()  # of what is done without a ledger no event tells

    def _act_through(
        self, ledger: Ledger, action: str, selection: Selection, when: datetime | None
    ) -> Outcome:
        steps = selection.steps(action, when)
        if selection.state is None and selection.count() == 1:
            [job_id] = selection.ids()
            getattr(ledger, action)(job_id, *([when] if when else []))
            return Outcome(action, 1, done=1)
        if not self._busy.acquire(blocking=False):
            raise AlreadyTaken("this board is in the middle of an action: stop it, or wait")
        try:
            self._stopped.clear()
            told = 0.0
            for outcome in steps:
                if self._stopped.is_set() or self._closed:
                    break
                if time.monotonic() - told > TICK and not outcome.is_over:
                    told = time.monotonic()
                    done = outcome.done + outcome.skipped
                    acting = {"action": action, "done": done, "total": outcome.total}
                    self._tell_beside(acting=acting)
        finally:
            self._tell_beside(acting={})
            self._busy.release()
        return outcome

    def _refuse_if_read_only(self) -> None:
        if self._read_only:
            raise ReadOnly(
                "This board is read-only, as one of another Redis is unless it is told otherwise: "
                "JobBoard(url=…, read_only=False) acts on its jobs."
            )

    # -- for a page ------------------------------------------------------------------------------

    def beside(self) -> dict[str, Any]:
        """What the view holds whatever the watcher sees."""
        return self._beside

    def _tell_beside(self, **changes: Any) -> None:
        with writing:
            self._beside = {**self._beside, **changes}
            self.update(**self._beside)

    def hear(self, message: dict[str, Any]) -> None:
        """Let a thread do what a button wants; the page is told at once that it was heard."""
        kind = message.get("kind")
        if kind not in _KINDS:
            super().hear(message)
            return
        self.update(answered=self.answers())
        if kind == "stop":
            self.stop()
            return
        threading.Thread(
            target=self._obey, args=(message,), name="labkit-action", daemon=True
        ).start()

    def _obey(self, message: dict[str, Any]) -> None:
        changes: dict[str, Any] = {}
        try:
            deed = WorkerDeed(message) if "worker" in message else JobsDeed(message)
            line = safe_text(deed.line(self._code), 2_000)
            if isinstance(deed, WorkerDeed):
                said = self.act_on_worker(deed.action, deed.worker)
                changes["said"] = {"text": safe_text(said, 400), "line": line}
            elif message["kind"] == "count":
                self._refuse_if_read_only()
                with self._place.ledger() as ledger:
                    total = deed.choose(ledger).count()
                changes["counted"] = {"ask": asked_by(message), "total": total, "line": line}
            else:
                outcome = self._act(deed.action, deed.choose, deed.when)
                changes["said"] = {"text": str(outcome), "line": line}
        except (LabkitError, ValueError) as error:
            changes["said"] = {"text": safe_text(str(error), 400), "failed": True}
        with writing:
            page, number = asked_by(message)
            acted = {**self._beside["acted"], page: number}
            # Told apart from the same words before, so that they are said again.
            if "said" in changes:
                changes["said"]["number"] = self._beside["said"].get("number", 0) + 1
            self._tell_beside(**changes, acted=dict(list(acted.items())[-16:]))


def _code(place: Place) -> str:
    """The Ledger of a place in Python, without a password."""
    if place.url is None:
        is_default = place.namespace == Settings().namespace
        return "Ledger()" if is_default else f"Ledger(namespace={quote(place.namespace)})"
    more = "" if place.namespace == "dramatiq" else f", namespace={quote(place.namespace)}"
    return safe_text(f"Ledger(url={quote(place.address)}{more})", 400)
