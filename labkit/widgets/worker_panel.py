"""WorkerPanel: start, stop and kill a worker; see its processes, what they do, and its window.

What a button wants is done in a thread, so that the kernel stays free while a worker boots or ends.
Another reads the window and the processes while a worker runs, and is gone when none does. What the
ledger knows, the jobs that run now, comes from the watcher, as on the board.
"""

from __future__ import annotations

import socket
import threading
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import psutil

from labkit.errors import LabkitError, WorkerError
from labkit.ledger.records import JobState
from labkit.redact import safe_text
from labkit.widgets import twin
from labkit.widgets.live import SHARED, front_end, writing
from labkit.widgets.looking import Question
from labkit.widgets.place import Place
from labkit.widgets.present import show_job
from labkit.widgets.terminal import Tail
from labkit.widgets.watching import WatchingWidget
from labkit.worker import Worker

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from labkit.widgets.looking import Picture

#: Seconds between two looks at the window, and the lines of it that are shown.
TICK = 0.15
LINES = 300
#: Looks at the window for each look at the processes, and the running jobs that are looked at.
_EVERY = 6
_MOST_JOBS = 50
_WISHES = ("start", "quiet", "resume", "stop", "kill")


class WorkerPanel(WatchingWidget):
    """Buttons to start, quiet, stop and kill -9 one worker, its processes, and its output.

    Each process is shown with its memory, and one that runs jobs with its threads and the jobs in
    them; those are known of labkit's workers, for stock Dramatiq's do not say what they run.

    Nothing runs until Start is pressed, or ``start()`` called. Closing the panel, as running its
    cell again does, stops the worker that it has started.

    Parameters:
      worker: a worker that runs already; closing the panel leaves that one alone.
      processes, threads, queues, module, env: of those that the panel starts, as in
        ``Worker.start``. The Redis looked at is the one in ``env``, or that of ``Settings()``.
    """

    _esm = front_end(*SHARED, "worker_panel.js")
    _css = front_end("live.css", "worker_panel.css")
    _stands_in = twin.stand_in("worker panel")

    def __init__(
        self,
        worker: Worker | None = None,
        *,
        processes: int = 1,
        threads: int | None = None,
        queues: Sequence[str] | None = None,
        module: str = "labkit.jobs",
        env: Mapping[str, str] | None = None,
    ) -> None:
        self._options = {
            "processes": processes,
            "threads": threads,
            "queues": queues,
            "module": module,
            "env": env,
        }
        self._is_ours = False
        self._starting = threading.Lock()
        self._following = threading.Lock()
        self._worker: Worker | None = None
        place = Place.of((env or {}).get("REDIS_URL"), (env or {}).get("LABKIT_NAMESPACE"))
        super().__init__(
            place,
            Question(JobState.RUNNING, limit=_MOST_JOBS),
            {"state": "none", "lines": {}, "processes": {}, "cards": {}, "jobs": {}},
        )
        if worker is not None:
            self._take(worker)

    @property
    def worker(self) -> Worker | None:
        """The worker that the panel shows; None before the first."""
        return self._worker

    # -- what the buttons do, for Python ---------------------------------------------------------

    def start(self) -> Worker:
        """Start a worker, unless one runs already, and wait until it is up.

        Raises:
          WorkerError: it did not start; the message holds the end of its output.
        """
        with self._starting:
            if self._worker is None or not self._worker.running:
                worker = Worker.start(**self._options)  # type: ignore[arg-type]
                self._is_ours = True
                self._take(worker)
            assert self._worker is not None  # noqa: S101 - for mypy
            return self._worker

    def quiet(self) -> None:
        """Let the worker take no more jobs; what its threads run they finish.

        Raises:
          WorkerError: it is no labkit worker, or none runs.
        """
        self._quiet(True)

    def resume(self) -> None:
        """Let a quiet worker go on.

        Raises:
          WorkerError: it is no labkit worker, or none runs.
        """
        self._quiet(False)

    def _quiet(self, quiet: bool) -> None:
        if self._worker is None:
            raise WorkerError("no worker runs: start one first")
        self._worker.quiet(quiet=quiet)
        self.ask()  # a mark on a card is no event: look at once

    def stop(self) -> None:
        """Ask the worker to finish what it runs and end, and wait for that."""
        if self._worker is not None:
            self._worker.stop()
            self._show()

    def kill(self) -> None:
        """SIGKILL to the worker and all its processes: nothing is finished, nothing tidied up."""
        if self._worker is not None:
            self._worker.kill()
            self._show()

    # -- what the buttons do, for the page -------------------------------------------------------

    def hear(self, message: dict[str, Any]) -> None:
        """Let a thread do what a button wants; it answers then."""
        wish = message.get("kind")
        if wish not in _WISHES:
            super().hear(message)
            self.update(answered=self.answers())
            return
        self.update(doing=wish)
        arguments = (wish, self.answers())
        threading.Thread(target=self._do, args=arguments, name="labkit-button", daemon=True).start()

    def _do(self, wish: str, answered: dict[str, int]) -> None:
        problem = ""
        try:
            getattr(self, wish)()
        except LabkitError as error:
            problem = safe_text(str(error), 2_000)
        with writing:
            rest = {key: value for key, value in self._whole.items() if key != "doing"}
            self.publish({**rest, "problem": problem, "answered": answered})

    # -- the window ------------------------------------------------------------------------------

    def _take(self, worker: Worker) -> None:
        self._worker = worker
        self._tail = Tail(worker.log_path, LINES)
        self._began = round(time.time() * 1000)
        self._show()
        threading.Thread(
            target=self._follow, args=(worker,), name="labkit-worker-window", daemon=True
        ).start()

    def _follow(self, worker: Worker) -> None:
        looks = 0
        while worker.running and worker is self._worker and not self._closed:
            if looks % _EVERY == 0:
                self.update(processes=_processes_of(worker.pid))
            looks += 1
            self._show()
            time.sleep(TICK)
        self._show()

    def _show(self) -> None:
        with self._following:
            worker = self._worker
            if worker is None:
                return
            # The state first: what it printed between the two is then shown, not lost.
            state = "running" if worker.running else "ended"
            self._tail.read()
            self.update(
                state=state,
                pid=worker.pid,
                began=self._began,
                clock=round(time.time() * 1000),
                lines=dict(self._tail.lines),
                **({} if state == "running" else {"processes": {}}),
            )

    # -- what the ledger knows of it -------------------------------------------------------------

    def tell(self, picture: Picture) -> int:
        """Show the jobs that run, and which processes run them; returns the bytes sent."""
        here = socket.gethostname()
        cards = {
            str(card.pid): {
                "threads": card.threads,
                "queues": safe_text(", ".join(card.queues), 80),
                "quiet": card.is_quiet,
            }
            for card in picture.workers
            if card.host == here
        }
        jobs: dict[str, Any] = {}
        for job in picture.jobs:
            if job.worker and job.worker.startswith(f"{here}:"):
                jobs.setdefault(job.worker.rpartition(":")[2], {})[job.id] = show_job(job)
        return self.update(cards=cards, jobs=jobs, live=True)

    def __repr__(self) -> str:
        return f"{type(self).__name__}()"

    def close(self) -> None:
        """Give up the panel, and stop the worker that it has started; may be called again."""
        super().close()
        worker = getattr(self, "_worker", None)
        if worker is not None and self._is_ours and worker.running:
            # It may take as long as the job that it runs: nobody should wait for that here.
            threading.Thread(target=worker.stop, name="labkit-worker-end", daemon=True).start()


def _processes_of(pid: int) -> dict[str, Any]:
    """A process and all below it: which is the first, and the memory of each in MiB."""
    found = {}
    with suppress(psutil.Error):
        first = psutil.Process(pid)
        for process in (first, *first.children(recursive=True)):
            with suppress(psutil.Error):
                memory = round(process.memory_info().rss / 2**20)
                found[str(process.pid)] = {"memory": memory, "first": process.pid == pid}
    return found
