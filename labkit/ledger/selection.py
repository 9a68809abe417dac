"""Selection: many jobs, by what they match or by their ids, and one action for all of them.

Redis takes forty at a time, so that nobody has to wait, and each job as a whole: an action that
is broken off, by whatever, has done some of them and left the others. Doing it again does those.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import count
from typing import TYPE_CHECKING, Any, Final

from labkit.ledger.actions import eta_of
from labkit.ledger.records import JobState
from labkit.ledger.verbs import ACTIONS
from labkit.redis_client import redis_errors

if TYPE_CHECKING:
    from labkit.ledger.actions import Actions
    from labkit.ledger.stock_actions import Places

#: Jobs in one step in Redis: less than two milliseconds, whatever is done to them.
STEP: Final = 40
#: Jobs looked at in one step while matching; and those whose records must be read for it.
_LOOK, _READ = 2_000, 500


@dataclass(frozen=True)
class Outcome:
    """What has come so far of an action on many jobs."""

    action: str
    total: int  #: those that matched when it began
    done: int = 0
    taken: int = 0  #: a worker has it, or its state is another by now
    gone: int = 0  #: no record or no message of it is left

    @property
    def skipped(self) -> int:
        """Those that were left as they are."""
        return self.taken + self.gone

    @property
    def is_over(self) -> bool:
        """Whether none is left to be done."""
        return self.done + self.skipped >= self.total

    def __str__(self) -> str:
        parts = [f"{self.done:,} {ACTIONS[self.action][0]}"]
        parts += [f"{self.taken:,} already taken"] if self.taken else []
        parts += [f"{self.gone:,} gone"] if self.gone else []
        left = self.total - self.done - self.skipped
        return ", ".join(parts + ([f"{left:,} left as they were"] if left else []))


class Selection:
    """Jobs to be acted on together; made by ``Ledger.select``. See there for the parameters.

    Nothing is read before one of its methods is called, and each call reads anew. An action is for
    the jobs that match when it begins: those that come later are left alone, and so is one whose
    state is another by the time it is its turn. It may be stopped or killed at any moment, and
    called again.
    """

    def __init__(
        self,
        ledger: Actions,
        state: JobState | str | None,
        queue: str | None,
        actor: str | None,
        ids: Iterable[str] | None,
        before: datetime | None,
    ) -> None:
        if (state is None) == (ids is None):
            raise ValueError("select either the jobs in a state, or ids")
        if ids is not None and (queue is not None or actor is not None or before is not None):
            raise ValueError("queue, actor and before narrow down a state, not ids")
        self._ledger = ledger
        self.state = None if state is None else JobState(state)
        self._ids = None if ids is None else list(dict.fromkeys(ids))
        self._names = names = (queue, actor)
        self._filter = [eta_of(before) if before else "+inf"]
        self._filter += ["" if name is None else json.dumps(name) for name in names]

    def count(self) -> int:
        """How many jobs it holds now; changes nothing."""
        if self._ids is not None:
            return len(self._ids)
        if self._filter == ["+inf", "", ""]:
            assert self.state is not None  # noqa: S101 - for mypy
            return self._ledger.counts().get(self.state, 0)
        return len(self.ids())

    def ids(self) -> list[str]:
        """The ids of its jobs now, those that have waited longest first."""
        if self._ids is not None:
            return self._ids
        if (places := self._stock_places()) is not None:
            return list(places)
        return [job_id.decode() for job_id in dict.fromkeys(self._match())]

    def run_now(self) -> Outcome:
        """Let scheduled or retrying jobs run at once."""
        return self._finish("run_now")

    def retry(self) -> Outcome:
        """Give dead jobs a new life, with all their attempts; retrying ones run at once."""
        return self._finish("retry")

    def cancel(self) -> Outcome:
        """Take away jobs that have not begun; they become cancelled."""
        return self._finish("cancel")

    def reschedule(self, when: datetime) -> Outcome:
        """Move scheduled or retrying jobs to another time.

        Raises:
          InvalidSchedule: ``when`` has no time zone.
        """
        return self._finish("reschedule", when)

    def delete(self) -> Outcome:
        """Forget jobs that are completed, dead or cancelled, with their dead letters."""
        return self._finish("delete")

    def steps(self, action: str, when: datetime | None = None) -> Iterator[Outcome]:
        """Do it step by step, and say after each what has come of it so far.

        To stop, ask for no further step. ::

            for outcome in Ledger().select("dead", actor="charge").steps("retry"):
                print(f"{outcome.done} of {outcome.total}")

        Parameters:
          action: The name of one of the methods above.
          when: The time for ``"reschedule"``.

        Raises:
          ValueError: there is no such action, or it is for jobs in other states.
          InvalidSchedule: ``when`` has no time zone.
        """
        if action not in ACTIONS:
            raise ValueError(f"the actions are {', '.join(ACTIONS)}; {action!r} is none")
        if self.state is not None and self.state not in ACTIONS[action][1]:
            raise ValueError(f"{action.replace('_', ' ')} does not fit jobs that are {self.state}")
        if (action == "reschedule") != (when is not None):
            raise ValueError("reschedule, and it alone, takes a time")
        return self._steps(action, eta_of(when) if when else "-")

    def _stock_places(self) -> Places | None:
        """Where the jobs are, where no ledger is kept; found once for all steps of an action."""
        if self._ledger.is_recorded():
            return None
        stock = self._ledger.stock_actions
        with redis_errors(self._ledger.client):
            if self._ids is not None:
                return stock.find(self._ids)
            assert self.state is not None  # noqa: S101 - for mypy
            return stock.select(self.state, *self._names, self._filter[0])

    def _steps(self, action: str, eta: str) -> Iterator[Outcome]:
        places = self._stock_places()
        ids = self.ids() if places is None or self._ids is not None else list(places)
        if places is None and self.state in (JobState.SCHEDULED, JobState.RETRYING):
            ids = self._in_their_order(ids)
        outcome = Outcome(action, len(ids))
        yield outcome
        for first in range(0, len(ids), STEP):
            step = ids[first : first + STEP]
            became = self._ledger.act(action, step, self.state or "", eta, places)
            done, gone = became.count("done"), became.count("unknown")
            outcome = replace(
                outcome,
                done=outcome.done + done,
                gone=outcome.gone + gone,
                taken=outcome.taken + len(step) - done - gone,
            )
            yield outcome

    def _finish(self, action: str, when: datetime | None = None) -> Outcome:
        *_, last = self.steps(action, when)
        return last

    def _match(self) -> Iterator[bytes]:
        look = _LOOK if self._filter[1:] == ["", ""] else _READ
        score, last = b"", b""
        while True:
            with redis_errors(self._ledger.client):
                looked, score, last, *found = self._ledger.call(
                    "match", self.state, look, score, last, *self._filter
                )
            yield from found
            if looked < look:
                return

    def _in_their_order(self, ids: list[str]) -> list[str]:
        """As they stand in Dramatiq's lists of delayed jobs, for there the next is found at once.

        They wait in these while no worker of labkit's runs, in the order in which they were sent.
        """
        places: dict[str, int] = {}
        client = self._ledger.client
        with redis_errors(client):
            met: Any = client.smembers(self._ledger.keys.queues)
            for queue in sorted(met):
                delayed = f"{self._ledger.namespace}:{queue.decode()}.DQ"
                for first in count(0, _LOOK):
                    names: Any = client.lrange(delayed, first, first + _LOOK - 1)
                    for name in names:
                        places.setdefault(name.decode().rpartition("#")[0], len(places))
                    if len(names) < _LOOK:
                        break
        return sorted(ids, key=lambda job_id: places.get(job_id, len(places)))
