"""JobBoard: every job in Redis, live, inside a notebook.

It draws what a Watcher observes. In Python it keeps what is being looked at (a tab, a page, an
opened job) and the view; how that looks is board.js's affair.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from labkit.ledger.records import JobState
from labkit.widgets import twin
from labkit.widgets.live import LiveWidget, front_end, writing
from labkit.widgets.place import Place
from labkit.widgets.present import millis, show_picture
from labkit.widgets.redact import safe_text
from labkit.widgets.watcher import Question, Watcher

if TYPE_CHECKING:
    from datetime import datetime

    from labkit.widgets.watcher import Picture

#: The most jobs on one page.
MOST = 100


class JobBoard(LiveWidget):
    """A live board of the jobs of one namespace: counts of all states, and lists of the jobs.

    Display it by naming it in a cell's last line. It keeps itself up to date while it can be seen,
    also while a cell runs, and asks nothing of Redis while it cannot.

    Parameters:
      url: A Redis to look at in place of that of ``Settings()``; then nothing is started, and no
        ``labkit.toml`` read.
      namespace: The prefix of its keys; by default that of ``Settings()``, with a URL ``dramatiq``.
      state: The list to begin with; None lists the jobs that changed last, of any state.
      limit: Jobs on a page, 1 to 100.

    Raises:
      ConfigurationError: ``url`` is no URL of a Redis.
      ValueError: there is no such state, or the limit is out of bounds.
    """

    _esm = front_end("live.js", "shapes.js", "board_table.js", "board_job.js", "board.js")
    _css = front_end("live.css", "board.css", "board_more.css")
    _stands_in = twin.stand_in("job board", "board.snapshot() keeps a picture of it")

    def __init__(
        self,
        url: str | None = None,
        namespace: str | None = None,
        *,
        state: JobState | str | None = None,
        limit: int = 10,
    ) -> None:
        if not 1 <= limit <= MOST:
            raise ValueError(f"limit is the number of jobs on a page, 1 to {MOST}, not {limit!r}")
        self._place = Place.of(url, namespace)
        self._question = Question(JobState(state) if state else None, 0, limit)
        self._watcher: Watcher | None = None
        #: What of the view no picture changes.
        self._lasting = {"place": self._describe_place(), "answered": {}}
        tab = str(self._question.state or "recent")
        super().__init__({"tab": tab, "limit": limit, "offset": 0, **self._lasting})
        self._watcher = self._place.watch(self)

    def _describe_place(self) -> dict[str, Any]:
        place: dict[str, Any] = {"namespace": safe_text(self._place.namespace, 60)}
        if self._place.address:
            place["address"] = safe_text(self._place.address, 120)
        return place

    # -- what is looked at -----------------------------------------------------------------------

    def show(self, state: JobState | str | None = None, *, offset: int = 0) -> None:
        """List the jobs of a state, from the one at ``offset`` on; None: those that changed last.

        Raises:
          ValueError: there is no such state, or the offset is negative.
        """
        if offset < 0:
            raise ValueError("offset counts from 0")
        self._ask(state=JobState(state) if state else None, offset=offset)

    def inspect(self, job_id: str | None) -> None:
        """Open a job: everything that is known of it, with all its attempts. None closes it."""
        self._ask(job_ids=(job_id,) if job_id else ())

    def _ask(self, **changes: Any) -> None:
        with writing:
            self._question = replace(self._question, **changes)
        if self._watcher is not None:
            self._watcher.ask()

    def snapshot(self) -> twin.Snapshot:
        """The board as it is at this moment, as static HTML that any viewer of notebooks shows.

        Raises:
          RedisUnavailable: Redis does not answer.
        """
        return twin.take(self._place.ledger(), self._question)

    # -- a reader of the watcher -----------------------------------------------------------------

    def question(self) -> Question:
        """What the watcher looks for on its next look."""
        with writing:
            return self._question

    def tell(self, picture: Picture) -> int:
        """Show what the watcher saw; returns the bytes sent."""
        view = {**show_picture(picture), **self._lasting}
        # A picture of an earlier question must not pass for the answer to a later one.
        with writing:
            is_answer = picture.question == self._question
            view["answered"] = self.answers() if is_answer else self._whole["answered"]
            return self.publish(view)

    def lose(self, since: datetime, why: str) -> None:
        """Show that Redis does not answer, and since when the board may be wrong."""
        self.update(live=False, since=millis(since), why=safe_text(why, 300))

    # -- what a page wants -----------------------------------------------------------------------

    def hear(self, message: dict[str, Any]) -> None:
        """Show what a page wants to see; or watch, or rest, as long as no page can be seen."""
        if message.get("kind") == "seen":
            self._be_seen(message.get("visible") is True)
        elif message.get("kind") == "look":
            self._ask(**_read_wish(message))

    def _be_seen(self, visible: bool) -> None:
        if self._watcher is None:
            return
        if not visible:
            self._watcher.remove(self)
        elif not self._watcher.add(self):
            self._watcher = self._place.watch(self)

    def close(self) -> None:
        """Stop watching and give up the widget; may be called again."""
        if watcher := getattr(self, "_watcher", None):
            watcher.remove(self)
        super().close()

    def __repr__(self) -> str:
        return f"JobBoard({self._place!r})"


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
