"""Finding: a board's search, which goes on a little with each look, until its page is full."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from labkit.ledger import following
from labkit.ledger.query import Query
from labkit.ledger.records import JobState
from labkit.ledger.search import Search
from labkit.widgets.present import see

if TYPE_CHECKING:
    from labkit.ledger.reader import Ledger
    from labkit.ledger.records import JobRecord

#: Seconds that one look gives to a search: others look, too, and somebody may want to stop it.
PATIENCE = 0.06
#: The most jobs that a search keeps; who looks for so many wants a narrower query.
MOST = 1_000
#: Characters of what is searched for.
LONGEST = 300


@dataclass(frozen=True)
class Found:
    """How far a search is, and the page of what it found."""

    jobs: list[JobRecord]
    offset: int
    hits: int
    searched: int
    total: int
    is_done: bool
    is_going: bool  #: the next look goes on with it


class Finding:
    """What somebody looks for, with words that match only what a board shows: no masked secret.

    Parameters:
      text: As typed; see ``labkit.ledger.query``.
      state: Where to look, unless the text says it or is a whole id; None: everywhere.

    Raises:
      ValueError: there is no such state.
    """

    def __init__(self, text: str, state: JobState | None = None) -> None:
        self.text = text
        self.query = Query.parse(text)
        self.is_stopped = False
        self._scope = state
        self._search: Search | None = None

    def anew(self) -> Finding:
        """The same search, from its beginning."""
        return Finding(self.text, self._scope)

    def go_on(self, ledger: Ledger, offset: int, limit: int) -> Found:
        """Search for a moment, unless there is enough for this page; then show the page."""
        search = self._search
        if search is None or search.ledger is not ledger:
            within = {self._scope} if self._scope else set(JobState)
            search = self._search = Search(ledger, self.query, see, within)
            self.is_stopped = False
        enough = min(MOST, offset + limit + 1)
        deadline = time.monotonic() + PATIENCE
        while not (self.is_stopped or search.is_done or len(search.found) >= enough):
            search.step(enough, deadline - time.monotonic())
            if time.monotonic() > deadline:
                break
        hits = len(search.found)
        last = max(0, hits - 1)
        offset = min(offset, last - last % limit)
        page = search.found[offset : offset + limit]
        is_going = not (search.is_done or self.is_stopped or hits >= enough)
        return Found(
            following.again(ledger, page),
            offset,
            hits,
            search.searched,
            search.total,
            search.is_done,
            is_going,
        )
