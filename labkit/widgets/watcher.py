"""Watcher: observes one ledger for all who look at it, and draws nothing.

One thread for each ledger that is being looked at reads what its readers want to see and tells
them; no one else does. A helper blocks on the event stream, so that the thread itself can also be
woken by a reader. While jobs move it looks at most every 50 ms, once for all that went by in
between; while nothing moves it waits. Without a reader both end, and no command reaches Redis.
"""

from __future__ import annotations

import logging
import threading
import time
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Literal, Protocol

from labkit.ledger import following
from labkit.ledger.records import JobState
from labkit.widgets.caretaker import Caretaker
from labkit.widgets.looking import LOST, look

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from labkit.ledger.reader import Ledger
    from labkit.ledger.workers import WorkerCard
    from labkit.widgets.looking import Picture, Question

log = logging.getLogger(__name__)

#: Seconds between two looks while jobs move, and the bytes a second that looks may send.
TICK = 0.05
BYTES_A_SECOND = 50_000
#: Milliseconds that the helper blocks on the stream: with a look for workers each five seconds that
#: is one command a second while nothing moves.
BLOCK = 1_250
#: Seconds between two looks for a sign where stock Dramatiq alone is at work, of which no event
#: tells, and how many such looks without one are enough: somebody else may have acted.
STOCK_PAUSE, STOCK_LOOKS = 1.0, 10
#: Seconds until a server that accepts commands and answers none counts as lost. More than BLOCK.
PATIENCE = 1.6
#: Seconds between two attempts to reach a Redis that is lost.
RETRY = 0.5
#: Seconds for which they are taken as known while there are looks anyway.
WORKERS_KNOWN = 0.5
#: Seconds that a reader is told for without a sign that anybody sees it.
LEASE = 900.0


class Reader(Protocol):
    """Somebody who looks; all three are called from the watcher's thread."""

    def question(self) -> Question:
        """What to look for, now."""

    def tell(self, picture: Picture) -> int:
        """Take what was seen; return how many bytes went to a page."""

    def lose(self, since: datetime | None, why: str) -> None:
        """Redis does not answer; the last picture is true of ``since``.

        None is for who has rested, and was told nothing since.
        """


class Watcher:
    """Watches one ledger from its first reader to its last, and then never again.

    Parameters:
      connect: makes the Ledger; called in the watcher's thread, again after an error.
    """

    def __init__(self, connect: Callable[[], Ledger]) -> None:
        self._connect = connect
        self._readers: dict[Reader, float] = {}  # with the end of each one's lease
        self._untold: set[Reader] = set()  # who came, and has seen nothing yet
        self._changed = threading.Condition()
        self._asked = True
        self._moved = False
        self._failure: str | None = None
        self._follow_from: str | None = None  # what the helper waits behind; None: it need not wait
        self._ended = False
        self._is_lost = False
        self._is_recorded = True
        self._workers: list[WorkerCard] = []
        self._workers_at = 0.0
        self._is_assumed = False  #: The last look took them as known.
        self._signs: object = None
        self._quiet_looks = 0
        self._good = datetime.now(UTC)
        self._clock_ahead = 0.0
        self._ledger: Ledger | None = None
        self._caretaker: Caretaker | None = None

    def add(self, reader: Reader) -> bool:
        """Tell ``reader`` from now on, or anew; False when this watcher has ended already."""
        with self._changed:
            if self._ended:
                return False
            if not self._readers:
                threading.Thread(target=self._run, name="labkit-watcher", daemon=True).start()
            if reader not in self._readers:
                self._untold.add(reader)
            self._readers[reader] = time.monotonic() + LEASE
            self._wake()
            return True

    def remove(self, reader: Reader) -> None:
        """Tell ``reader`` no more; with the last one the watcher ends."""
        with self._changed:
            self._readers.pop(reader, None)
            self._ended = self._ended or not self._readers
            self._wake()

    def ask(self) -> None:
        """A reader's question has changed: look at once."""
        with self._changed:
            self._workers_at = 0.0  # it may have quieted one
            self._wake()

    def _wake(self) -> None:
        self._asked = True
        self._changed.notify_all()

    # -- the thread that reads and tells ---------------------------------------------------------

    def _run(self) -> None:
        helper = threading.Thread(target=self._follow, name="labkit-follower", daemon=True)
        helper.start()
        pause, again = 0.0, RETRY
        while cause := self._wait_for_cause(time.monotonic() + pause, again):
            pause, again = 0.0, RETRY
            try:
                if self._failure is not None:
                    self._tell_loss(self._failure)
                if cause == "news" or self._workers_changed():
                    pause = self._look()
                if self._is_assumed:
                    again = WORKERS_KNOWN  # who came since the last time is seen soon, too
                else:
                    again = self._caretaker.pause if self._caretaker else RETRY
            except LOST as error:
                self._tell_loss(str(error) or type(error).__name__)
            except Exception as error:  # the thread must outlive it, and the page must say it
                log.exception("The watcher could not look")
                self._tell_loss(f"{type(error).__name__}: {error}")
        helper.join()
        self._disconnect()

    def _wait_for_cause(self, earliest: float, again: float) -> Literal["news", "time", ""]:
        """What there is to do: a reader asks, or ``earliest`` is past and something has moved.

        Else, after ``again`` seconds, it is time for another try; when all is over, nothing is.
        """
        deadline = time.monotonic() + again
        with self._changed:
            while not self._ended and not self._asked:
                now = time.monotonic()
                has_news = self._moved or self._failure is not None
                if now >= (earliest if has_news else deadline):
                    break
                self._changed.wait((earliest if has_news else deadline) - now)
            has_news = self._asked or self._moved or self._failure is not None
            self._asked = self._moved = False
            self._end_leases()
            if self._ended:
                return ""
            return "news" if has_news else "time"

    def _end_leases(self) -> None:
        now = time.monotonic()
        self._readers = {reader: end for reader, end in self._readers.items() if end > now}
        self._ended = self._ended or not self._readers

    def _workers_changed(self) -> bool:
        """Whether to look again for that; after a loss there is every reason to."""
        self._is_assumed = False
        if self._ledger is None or self._is_lost:
            return True
        if self._is_recorded and self._caretaker and not self._workers:
            return self._caretaker.stirs()
        if not self._is_recorded:
            return False
        before, self._workers = self._workers, self._ledger.workers()
        self._workers_at = time.monotonic()
        return self._workers != before

    def _look(self) -> float:
        """Ask Redis and tell all readers; returns the seconds to pause before the next look."""
        ledger = self._reach()
        position = following.position(ledger)
        with self._changed:
            readers = list(self._readers)
            # Set before looking: what changes while we look is then cause for the next look.
            self._follow_from = position
            self._changed.notify_all()
        counts = ledger.counts()
        self._is_recorded = JobState.COMPLETED in counts
        workers = self._look_for_workers(ledger)
        pictures: dict[Question, Picture] = {}
        sent = 0
        is_searching = False
        for reader in readers:
            question = reader.question()
            if question not in pictures:
                pictures[question] = look(ledger, question, counts, workers, self._now())
            with _logged(reader):
                sent += reader.tell(pictures[question])
            self._untold.discard(reader)
            found = pictures[question].found
            is_searching = is_searching or (found is not None and found.is_going)
        if is_searching:
            with self._changed:
                self._moved = True
        if self._caretaker:
            self._caretaker.care(counts, workers)
        self._good = self._now()
        self._is_lost = False
        return max(TICK, sent / BYTES_A_SECOND)

    def _look_for_workers(self, ledger: Ledger) -> list[WorkerCard]:
        """The workers that live: those of half a second ago will do while jobs move."""
        now = time.monotonic()
        self._is_assumed = self._is_recorded and now - self._workers_at <= WORKERS_KNOWN
        if not self._is_recorded:
            self._workers = []
        elif not self._is_assumed:
            self._workers, self._workers_at = ledger.workers(), now
        return self._workers

    def _tell_loss(self, why: str) -> None:
        with self._changed:
            self._failure = None
            self._is_lost = True
            readers = list(self._readers)
        for reader in readers:
            with _logged(reader):
                reader.lose(None if reader in self._untold else self._good, why)

    def _reach(self) -> Ledger:
        if self._ledger is None:
            ledger = self._connect()
            self._clock_ahead = following.clock(ledger) - time.time()
            self._ledger, self._caretaker = ledger, Caretaker(ledger)
        return self._ledger

    def _disconnect(self) -> None:
        if self._ledger is not None:
            with suppress(*LOST):
                self._ledger.client.close()

    def _now(self) -> datetime:
        return datetime.fromtimestamp(time.time() + self._clock_ahead, UTC)

    # -- the helper that blocks ------------------------------------------------------------------

    def _follow(self) -> None:
        while True:
            with self._changed:
                while self._follow_from is None and not self._ended:
                    self._changed.wait()
                if self._ended or self._ledger is None:
                    return
                behind, ledger = self._follow_from or "0", self._ledger
            failure = None
            try:
                if self._is_recorded:
                    moved = following.wait(ledger, behind, BLOCK)
                else:
                    moved = self._stock_moved(ledger)
            except LOST as error:
                moved, failure = False, str(error) or type(error).__name__
            with self._changed:
                self._good = self._good if failure else self._now()
                if moved or failure:
                    self._moved, self._failure = True, failure
                    self._follow_from = None
                    self._changed.notify_all()

    def _stock_moved(self, ledger: Ledger) -> bool:
        """Wait a while; whether somebody has done something since the last time, by one command."""
        with self._changed:
            self._changed.wait_for(lambda: self._ended, STOCK_PAUSE)
            if self._ended:
                return False
        signs = following.signs(ledger)
        self._quiet_looks = self._quiet_looks + 1 if signs == self._signs else 0
        self._signs = signs
        return self._quiet_looks % STOCK_LOOKS == 0


@contextmanager
def _logged(reader: Reader) -> Iterator[None]:
    """A reader that fails must not stop the others."""
    try:
        yield
    except Exception:
        log.exception("%r could not show what was seen", reader)
