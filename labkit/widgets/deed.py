"""Deed: what a page asks a board to do, with jobs or with a worker, read and made sense of."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from labkit.ledger.query import Query
from labkit.ledger.records import JobState, from_millis
from labkit.ledger.search import Search
from labkit.ledger.verbs import ACTIONS
from labkit.widgets.finding import LONGEST
from labkit.widgets.present import see

if TYPE_CHECKING:
    from labkit.ledger.reader import Ledger
    from labkit.ledger.selection import Selection

#: What each action does with a worker, in words.
WORKER_ACTIONS: Final = {
    "quiet": "takes no more jobs",
    "resume": "takes jobs again",
    "stop": "was told to finish what it runs, and to end",
    "kill": "was killed",
}
#: The most jobs that a page may name, and how long a name may be.
_MOST, _LONGEST = 1_000, 200


def asked_by(message: dict[str, Any]) -> tuple[str, int]:
    """Which page wants it, and the number that it gave to that."""
    match message.get("ask"):
        case [str(page), int(number)] if len(page) < 40:
            return page, number
    return "", 0


class JobsDeed:
    """An action on jobs.

    Raises:
      ValueError: it makes no sense.
    """

    def __init__(self, message: dict[str, Any]) -> None:
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
        self.text = str(message.get("search") or "")[:LONGEST]
        self.query = Query.parse(self.text)
        if bool(self.ids) == bool(self.state):
            raise ValueError("An action is either for some jobs or for all in a state.")

    @property
    def _names(self) -> dict[str, str] | None:
        """The queue and the actor, where no more than these is searched for."""
        query = self.query
        if query.words or query.ids or len(query.queues) > 1 or len(query.actors) > 1:
            return None
        found = {"queue": query.queues, "actor": query.actors}
        return {name: next(iter(values)) for name, values in found.items() if values}

    def choose(self, ledger: Ledger) -> Selection:
        """The jobs that it is for; by words it finds no more than a board shows."""
        if self.state is None:
            return ledger.select(ids=self.ids)
        if (names := self._names) is not None:
            return ledger.select(self.state, names.get("queue"), names.get("actor"))
        found = Search(ledger, self.query, see, {self.state})
        return ledger.select(ids=[job.id for job in found if job.state is self.state])

    def line(self, ledger: str) -> str:
        """What does the same through this ``Ledger()``."""
        # As JavaScript writes it, for the page shows the line before it is sent.
        instant = self.when.astimezone(UTC).isoformat(timespec="milliseconds") if self.when else ""
        time = f'datetime.fromisoformat("{instant[:-6]}Z")' if instant else ""
        if len(self.ids) == 1:
            values = ", ".join([quote(self.ids[0])] + ([time] if time else []))
            return f"{ledger}.{self.action}({values})"
        if self.ids:
            chosen = f"ids=[{', '.join(map(quote, self.ids))}]"
        elif (names := self._names) is not None:
            found = [f"{name}={quote(value)}" for name, value in names.items()]
            chosen = ", ".join([quote(str(self.state)), *found])
        else:
            text = self.text if self.query.states else f"state:{self.state} {self.text}"
            chosen = f"ids=[job.id for job in {ledger}.search({quote(text)})]"
        return f"{ledger}.select({chosen}).{self.action}({time})"


class WorkerDeed:
    """An action on a worker.

    Raises:
      ValueError: it makes no sense.
    """

    def __init__(self, message: dict[str, Any]) -> None:
        self.action, self.worker = str(message.get("action")), str(message.get("worker"))
        if self.action not in WORKER_ACTIONS or not _is_id(self.worker):
            raise ValueError(f"There is no such action on a worker: {self.action[:40]!r}.")

    def line(self, ledger: str) -> str:
        """What does the same through this ``Ledger()``."""
        if self.action == "resume":
            return f"{ledger}.quiet({quote(self.worker)}, quiet=False)"
        return f"{ledger}.{self.action}({quote(self.worker)})"


def do_to_worker(ledger: Ledger, action: str, worker: str) -> str:
    """Do one of ``WORKER_ACTIONS``; returns what came of it, in words.

    Raises:
      ValueError: there is no such action.
      WorkerError: no such worker lives, or it cannot be ended from here.
    """
    if action not in WORKER_ACTIONS:
        raise ValueError(f"action is one of {', '.join(WORKER_ACTIONS)}, not {action!r}")
    if action in ("quiet", "resume"):
        ledger.quiet(worker, quiet=action == "quiet")
    else:
        getattr(ledger, action)(worker)
    return f"{worker} {WORKER_ACTIONS[action]}"


def _is_id(value: Any) -> bool:
    return isinstance(value, str) and 0 < len(value) <= _LONGEST


def quote(text: str) -> str:
    """A text as Python and JavaScript both write it."""
    return json.dumps(text, ensure_ascii=False)
