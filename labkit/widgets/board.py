"""JobBoard: every job in Redis, live, inside a notebook.

It draws what a Watcher observes. In Python it keeps what is being looked at (a tab, a page, an
opened job) and the view; how that looks is board.js's affair.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from labkit.ledger.records import JobState
from labkit.ledger.replay import Replay
from labkit.redact import safe_text
from labkit.widgets import aside, twin
from labkit.widgets.acting import ActingWidget
from labkit.widgets.finding import LONGEST, Finding
from labkit.widgets.live import SHARED, front_end, writing
from labkit.widgets.looking import Question
from labkit.widgets.place import Place
from labkit.widgets.present import show_picture

if TYPE_CHECKING:
    from labkit.widgets.looking import Picture

#: The most jobs on one page.
MOST = 100


class JobBoard(ActingWidget):
    """A live board of the jobs of one namespace: counts of all states, and lists of the jobs.

    Display it by naming it in a cell's last line. It keeps itself up to date while it can be seen,
    also while a cell runs, and asks nothing of Redis while it cannot.

    Parameters:
      url: A Redis to look at in place of that of ``Settings()``; then nothing is started, and no
        ``labkit.toml`` read.
      namespace: The prefix of its keys; by default that of ``Settings()``, with a URL ``dramatiq``.
      state: The list to begin with; None lists the jobs that changed last, of any state.
      limit: Jobs on a page, 1 to 100.
      read_only: Offer no action, and refuse all; None: only where there is a ``url``.
      live: False for a front end that shows no update that comes by itself, as Google's Colab: the
        page then asks every two seconds while it can be seen, no thread watches, and ``refresh()``
        looks at once.

    Raises:
      ConfigurationError: ``url`` is no URL of a Redis.
      ValueError: there is no such state, or the limit is out of bounds.
    """

    _esm = front_end(
        *SHARED,
        "bars.js",
        "board_table.js",
        "board_job.js",
        "board_aside.js",
        "board_search.js",
        "board.js",
    )
    _css = front_end(
        "live.css",
        "board.css",
        "board_more.css",
        "bars.css",
        "board_aside.css",
        "board_search.css",
        "board_actions.css",
    )
    _stands_in = twin.stand_in("job board", "board.snapshot() keeps a picture of it")

    def __init__(
        self,
        url: str | None = None,
        namespace: str | None = None,
        *,
        state: JobState | str | None = None,
        limit: int = 10,
        read_only: bool | None = None,
        live: bool = True,
    ) -> None:
        if not 1 <= limit <= MOST:
            raise ValueError(f"limit is the number of jobs on a page, 1 to {MOST}, not {limit!r}")
        self._problem = ""
        wish = aside.Wish(closely=True)
        question = Question(JobState(state) if state else None, 0, limit, wish=wish)
        first = {"tab": str(question.state or "recent"), "limit": limit, "offset": 0}
        place = Place.of(url, namespace, read_only)
        super().__init__(place, question, first, live=live)

    def show(self, state: JobState | str | None = None, *, offset: int = 0) -> None:
        """List the jobs of a state, from the one at ``offset`` on; None: those that changed last.

        Raises:
          ValueError: there is no such state, or the offset is negative.
        """
        if offset < 0:
            raise ValueError("offset counts from 0")
        self.replay(None)
        self.ask(state=JobState(state) if state else None, offset=offset, finding=None)

    def search(self, text: str) -> None:
        """List what fits: ``board.search('queue:mail state:dead "timed out"')``; ``""`` ends it.

        Words are looked for in what the board shows, so no masked secret can be found.

        Raises:
          ValueError: there is no such state.
        """
        self.ask(offset=0, **self._find(text, self._question.state))

    def _find(self, text: str, tab: JobState | None) -> dict[str, Any]:
        """A search as changes of the question; where it names no state, in the tab's."""
        if not text.strip():
            return {"finding": None, "state": tab}
        finding = Finding(text, tab)
        states = finding.query.states
        if states:
            tab = next(iter(states)) if len(states) == 1 else None
        return {"finding": finding, "state": tab}

    def inspect(self, job_id: str | None) -> None:
        """Open a job: everything that is known of it, with all its attempts. None closes it."""
        self.ask(job_ids=(job_id,) if job_id else ())

    def replay(self, back: int | None) -> None:
        """Show the counts and the latest jobs as they were ``back`` events ago; None: as they are.

        The events are counted from the first such call on, until one with None; Redis remembers
        some 10,000.

        Raises:
          ValueError: ``back`` is negative.
        """
        if back is not None and back < 0:
            raise ValueError("back counts events, from 0")
        with writing:
            self.ask(wish=_rewound(self._question.wish, back))

    def show_workers(self, shown: bool = True) -> None:
        """List the labkit workers and what they run, under the jobs."""
        with writing:
            self.ask(wish=replace(self._question.wish, crew=shown))

    def snapshot(self) -> twin.Snapshot:
        """The board as it is at this moment, as static HTML that any viewer of notebooks shows.

        Raises:
          RedisUnavailable: Redis does not answer.
        """
        with self._place.ledger() as ledger:
            return twin.take(ledger, self._question)

    def draw(self, picture: Picture) -> dict[str, Any]:
        """The counts, the list, and the opened job."""
        opened = [job for job in picture.opened.values() if job]
        view = show_picture(picture, is_foreign=self._place.url is not None)
        if self._problem:
            view["problem"] = self._problem
        return aside.show(picture.aside, [*picture.jobs, *opened], picture.workers, view)

    def hear(self, message: dict[str, Any]) -> None:
        """Show what a page wants to see."""
        if message.get("kind") == "look":
            self._look_for(message)
        elif message.get("kind") == "search" and (finding := self._question.finding):
            finding.is_stopped = message.get("stop") is True
            self.ask()
        else:
            super().hear(message)

    def _look_for(self, message: dict[str, Any]) -> None:
        wish = _read_wish(message)
        asked = self._question
        tab = wish.get("state", asked.state)
        text = message.get("search")
        if text is None and asked.finding and tab is not asked.state:
            text = asked.finding.text  # the same search, in another list
        self._problem = ""
        if isinstance(text, str):
            try:
                wish.update(self._find(text[:LONGEST], tab))
            except ValueError as error:
                self._problem = safe_text(str(error), 300)
        self.ask(**wish, wish=_read_aside(message, asked.wish))


def _rewound(wish: aside.Wish, back: int | None) -> aside.Wish:
    replay = None if back is None else wish.replay or Replay()
    return replace(wish, replay=replay, back=back or 0)


def _read_aside(message: dict[str, Any], wish: aside.Wish) -> aside.Wish:
    if isinstance(crew := message.get("crew"), bool):
        wish = replace(wish, crew=crew)
    if "tab" in message:  # a list of what is
        return _rewound(wish, None)
    back = message.get("back", -1)
    is_count = isinstance(back, int) and 0 <= back < 2**53
    return _rewound(wish, back) if back is None or is_count else wish


def _read_wish(message: dict[str, Any]) -> dict[str, Any]:
    """What a page wants to see, as changes of the question; what makes no sense is left out."""
    wish: dict[str, Any] = {}
    tab = message.get("tab")
    if isinstance(tab, str) and tab in ("recent", *JobState):
        wish["state"] = None if tab == "recent" else JobState(tab)
    offset = message.get("offset")
    if isinstance(offset, int) and 0 <= offset < 2**53:
        wish["offset"] = offset
    if isinstance(job := message.get("job"), str):
        wish["job_ids"] = (job[:200],) if job else ()
    return wish
