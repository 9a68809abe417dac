"""Acting: what a board's buttons do with jobs, in threads, and what it says of that.

A page is told three things: ``acting``, how far an action on many jobs is; ``said``, what came of
the last one, with the line of Python that does the same; and ``acted``, the last of its own wishes
that is done, so that its button waits as long as it must, be it for a kernel that is busy.
"""

from __future__ import annotations

import json
import threading
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from labkit.errors import AlreadyTaken, LabkitError, ReadOnly
from labkit.ledger.query import Query
from labkit.ledger.records import JobState, from_millis
from labkit.ledger.selection import Outcome
from labkit.ledger.verbs import ACTIONS
from labkit.settings import Settings
from labkit.widgets.live import writing
from labkit.widgets.redact import safe_text
from labkit.widgets.watching import WatchingWidget

if TYPE_CHECKING:
    from collections.abc import Callable

    from labkit.ledger.reader import Ledger
    from labkit.ledger.selection import Selection
    from labkit.widgets.looking import Question
    from labkit.widgets.place import Place

#: Seconds between two words on how far an action is.
TICK = 0.1
#: The most jobs that a page may name, and how long such a name may be.
_MOST, _LONGEST = 1_000, 200
_KINDS = ("act", "count", "stop")


class ActingWidget(WatchingWidget):
    """A widget that acts on the jobs it shows, unless it is read-only.

    Parameters:
      read_only: None: only where the place is not the Redis of ``Settings()``.
    """

    def __init__(
        self,
        place: Place,
        question: Question,
        whole: dict[str, Any],
        *,
        read_only: bool | None,
        live: bool,
    ) -> None:
        self._read_only = place.url is not None if read_only is None else read_only
        self._code = _code(place)
        self._busy = threading.Lock()
        self._stopped = threading.Event()
        self._beside: dict[str, Any] = {"acting": {}, "said": {}, "acted": {}, "counted": {}}
        if not self._read_only:
            self._beside["code"] = self._code
        super().__init__(place, question, {**whole, **self._beside}, live=live)

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
            wish = _Wish(message)
            if message["kind"] == "count":
                self._refuse_if_read_only()
                with self._place.ledger() as ledger:
                    changes["counted"] = {"ask": wish.ask, "total": wish.choose(ledger).count()}
            else:
                outcome = self._act(wish.action, wish.choose, wish.when)
                line = f"{self._code}{wish.line}"
                changes["said"] = {"text": str(outcome), "line": safe_text(line, 2_000)}
        except (LabkitError, ValueError) as error:
            changes["said"] = {"text": safe_text(str(error), 400), "failed": True}
        with writing:
            page, number = wish_number(message)
            acted = {**self._beside["acted"], page: number}
            # Told apart from the same words before, so that they are said again.
            if "said" in changes:
                changes["said"]["number"] = self._beside["said"].get("number", 0) + 1
            self._tell_beside(**changes, acted=dict(list(acted.items())[-16:]))


def wish_number(message: dict[str, Any]) -> tuple[str, int]:
    """Which page wants it, and the number that it gave to that."""
    match message.get("ask"):
        case [str(page), int(number)] if len(page) < 40:
            return page, number
    return "", 0


class _Wish:
    """An action as a page asks for it.

    Raises:
      ValueError: it makes no sense.
    """

    def __init__(self, message: dict[str, Any]) -> None:
        self.ask = list(wish_number(message))
        self.action = str(message.get("action"))
        if self.action not in ACTIONS:
            raise ValueError(f"There is no such action: {self.action[:40]!r}.")
        self.when: datetime | None = None
        if self.action == "reschedule" and message["kind"] == "act":
            millis = message.get("when")
            if not isinstance(millis, int | float) or not abs(millis) < 2**53:
                raise ValueError("To move a job takes a time.")
            self.when = from_millis(int(millis))
        ids, state = message.get("ids"), message.get("state")
        self.ids = list(filter(_is_id, ids[:_MOST])) if isinstance(ids, list) else []
        self.state = JobState(state) if isinstance(state, str) else None
        self.query = Query.parse(str(message.get("search") or "")[:_LONGEST])
        if bool(self.ids) == bool(self.state):
            raise ValueError("An action is either for some jobs or for all in a state.")

    @property
    def _names(self) -> dict[str, str]:
        """The queue and the actor that are searched for."""
        query = self.query
        if query.words or query.ids or len(query.queues) > 1 or len(query.actors) > 1:
            raise ValueError("All that match are those in a state, of one queue and one actor.")
        found = {"queue": query.queues, "actor": query.actors}
        return {name: next(iter(values)) for name, values in found.items() if values}

    def choose(self, ledger: Ledger) -> Selection:
        """The jobs that it is for."""
        if self.state is None:
            return ledger.select(ids=self.ids)
        return ledger.select(self.state, self._names.get("queue"), self._names.get("actor"))

    @property
    def line(self) -> str:
        """Behind ``Ledger()``: what does the same."""
        # As JavaScript writes it, for the page shows the line before it is sent.
        instant = self.when.astimezone(UTC).isoformat(timespec="milliseconds") if self.when else ""
        time = f'datetime.fromisoformat("{instant[:-6]}Z")' if instant else ""
        if len(self.ids) == 1:
            values = ", ".join([_quote(self.ids[0])] + ([time] if time else []))
            return f".{self.action}({values})"
        if self.ids:
            chosen = f"ids=[{', '.join(map(_quote, self.ids))}]"
        else:
            names = [f"{name}={_quote(value)}" for name, value in self._names.items()]
            chosen = ", ".join([_quote(str(self.state)), *names])
        return f".select({chosen}).{self.action}({time})"


def _is_id(value: Any) -> bool:
    return isinstance(value, str) and 0 < len(value) <= _LONGEST


def _quote(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def _code(place: Place) -> str:
    """The Ledger of a place in Python, without a password."""
    if place.url is None:
        is_default = place.namespace == Settings().namespace
        return "Ledger()" if is_default else f"Ledger(namespace={_quote(place.namespace)})"
    more = "" if place.namespace == "dramatiq" else f", namespace={_quote(place.namespace)}"
    return safe_text(f"Ledger(url={_quote(place.address)}{more})", 400)
