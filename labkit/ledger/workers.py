"""The labkit workers of a namespace: which live, what they are, and how to quiet or end one.

Stock Dramatiq's workers do not say who they are, and are not among them.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from labkit.errors import WorkerError
from labkit.ledger import records
from labkit.ledger.connection import LedgerConnection
from labkit.redis_client import redis_errors

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

#: A worker says once a second that it lives; after so many milliseconds it is not counted.
_SILENCE = 5_000
#: Who holds a job, where that one does not say who it is; nor does it say whether it runs it.
UNKNOWN_HOLDER = "a worker"


@dataclass(frozen=True)
class WorkerCard:
    """A labkit worker process that gave a sign of life in the last seconds."""

    name: str
    host: str
    pid: int
    threads: int
    queues: tuple[str, ...]
    actors: tuple[str, ...]
    since: datetime
    is_quiet: bool = False  #: it takes no more jobs
    paused: tuple[str, ...] = ()  #: its queues that Dramatiq's ``Worker.pause`` holds up

    @property
    def address(self) -> str:
        """``host:pid``, as the records of the jobs that it runs name it."""
        return f"{self.host}:{self.pid}"

    def takes(self, queue: str) -> bool:
        """Whether it fetches from this queue at present."""
        return queue in self.queues and queue not in self.paused and not self.is_quiet


class Workers(LedgerConnection):
    """The part of ``Ledger`` that knows of workers."""

    def workers(self) -> list[WorkerCard]:
        """The labkit workers that live, the oldest first."""
        with redis_errors(self.client):
            reply = self.call("workers", _SILENCE)
        found = (_read_card(*one) for one in zip(reply[::3], reply[1::3], reply[2::3], strict=True))
        return sorted((card for card in found if card), key=lambda card: (card.since, card.name))

    def prefetched(self, job_ids: Sequence[str] = ()) -> tuple[dict[str, str], int]:
        """Which of these waiting jobs a worker has fetched already, and how many of all.

        A worker holds some jobs more in its memory than its threads run; until a thread begins one
        it is enqueued.

        Returns:
          tuple: job id -> ``host:pid`` (``UNKNOWN_HOLDER`` for a stock worker), and the
          number in the whole namespace.
        """
        with redis_errors(self.client):
            count, *holders = self.call("holders", *job_ids)
            known = {card.name: card.address for card in self.workers()} if any(holders) else {}
        held = {
            job_id: known.get(holder.decode(), UNKNOWN_HOLDER)
            for job_id, holder in zip(job_ids, holders, strict=False)
            if holder
        }
        return held, int(count)

    def quiet(self, worker: str, *, quiet: bool = True) -> None:
        """Let a worker take no more jobs, on whichever host; ``quiet=False`` lets it go on.

        What its threads run they finish; what it has fetched and not begun goes back to its queue
        within a second.

        Parameters:
          worker: ``host:pid``, or the worker's name on its card.

        Raises:
          WorkerError: no such labkit worker lives.
        """
        self.refuse_if_read_only()
        card = self._worker(worker)
        change = self.client.sadd if quiet else self.client.srem
        with redis_errors(self.client):
            change(self.keys.quiet, card.name)

    def stop(self, worker: str) -> None:
        """Let a worker on this machine finish what it runs, give back the rest, and end (SIGTERM).

        It does not wait for that. All processes that one ``dramatiq`` command has started end
        together.

        Parameters:
          worker: ``host:pid``, or the worker's name on its card.

        Raises:
          WorkerError: no such labkit worker lives, it runs elsewhere, or psutil is missing.
        """
        self._end(worker, kill=False)

    def kill(self, worker: str) -> None:
        """End a worker on this machine at once (SIGKILL), with all processes of its command.

        What it runs is cut off, and runs again once another worker has noticed.

        Raises:
          WorkerError: no such labkit worker lives, it runs elsewhere, or psutil is missing.
        """
        self._end(worker, kill=True)

    def _end(self, worker: str, *, kill: bool) -> None:
        self.refuse_if_read_only()
        try:
            from labkit.ledger import processes
        except ModuleNotFoundError as error:  # psutil comes with the extra ``lab``
            raise WorkerError("to end a worker takes psutil: pip install 'labkit[lab]'") from error
        processes.end(self._worker(worker), kill=kill)

    def _worker(self, worker: str) -> WorkerCard:
        for card in self.workers():
            if worker in (card.address, card.name):
                return card
        raise WorkerError(f"no labkit worker {worker!r} lives in namespace {self.namespace!r}")


def _read_card(name: bytes, raw: bytes, quiet: Any) -> WorkerCard | None:
    try:
        card = json.loads(raw)
        return WorkerCard(
            name=name.decode(),
            host=str(card["host"]),
            pid=int(card["pid"]),
            threads=int(card["threads"]),
            queues=tuple(card["queues"]),
            actors=tuple(card["actors"]),
            since=records.from_millis(int(card["since"])),
            is_quiet=bool(quiet),
            paused=tuple(card.get("paused", ())),
        )
    except (ValueError, KeyError, TypeError):
        return None  # written by another version: it may live, but cannot be described
