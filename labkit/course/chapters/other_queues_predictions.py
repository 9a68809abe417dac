"""The predictions of chapter 10: what each kind of queue stores, survives and forgets."""

from __future__ import annotations

from collections.abc import Mapping

from labkit.course.chapters.other_queues_measure import Measured
from labkit.course.prediction import Prediction


def _slowest(measured: Mapping[str, Measured]) -> str:
    return max(measured, key=lambda name: measured[name].wait)


def _finished(done: Mapping[str, int]) -> set[str]:
    return {name for name, count in done.items() if count == max(done.values())}


PREDICTIONS = {
    "stored": Prediction(
        "A function is put into RQ’s queue. What will Redis hold of it?",
        [
            (
                "The code of the function",
                lambda stored: b"session" in stored,
                "A worker has the code already, or it could not run it.",
            ),
            (
                "Its name and the arguments, as JSON",
                lambda stored: stored[:1] in (b"{", b"["),
                "Dramatiq and Sidekiq write JSON. Look at the first bytes.",
            ),
            (
                "Its name and the arguments, as a pickle",
                lambda stored: stored[:1] == b"\x80" and b"task_logger" in stored,
            ),
        ],
        "Every queue stores a name, for the worker to look up. They differ in how they write down "
        "what goes with it.",
    ),
    "fork": Prediction(
        "A job of RQ’s runs in a process of its own, a fork of the worker. Now that process is "
        "killed with -9. What follows?",
        [
            (
                "The worker dies too, as Dramatiq’s would",
                lambda status, running: not running,
                "It is the worker’s child. A parent survives its children.",
            ),
            (
                "The worker goes on, and calls the job failed",
                lambda status, running: running and status == "failed",
            ),
            (
                "The worker goes on, and runs the job again at once",
                lambda status, running: running and status != "failed",
                "It might kill each new process as well. RQ tries again only where it was told to.",
            ),
        ],
        "The parent waits for its child, and sees how it ended.",
    ),
    "race": Prediction(
        "Ten transactions send their job to Dramatiq, ten write it into Procrastinate’s table; "
        "all of them have more to do before they commit, and workers wait. Which jobs come too "
        "early for their row?",
        [
            (
                "Some of each",
                lambda redis, table: redis > 0 and table > 0,
                "What is written in a transaction nobody else sees before it is committed. That "
                "is so for the job’s row, too.",
            ),
            (
                "Some of Dramatiq’s, none of Procrastinate’s",
                lambda redis, table: redis > 0 == table,
            ),
            ("None", lambda redis, table: redis == table == 0, "Chapter 06 has shown some."),
            (
                "None of Dramatiq’s, some of Procrastinate’s",
                lambda redis, table: redis == 0 < table,
                "Redis answers before the database has committed anything.",
            ),
        ],
        "The task and its job are committed in the same instant. A worker sees both or neither.",
    ),
    "behind": Prediction(
        "`perform_later` is set to Procrastinate, whose table is in the very database that the "
        "transaction writes to. The transaction calls it, and is rolled back. How many jobs are "
        "left?",
        [
            (
                "None: it is all one database",
                lambda left: left == 0,
                "One database, and two connections. A transaction belongs to a connection.",
            ),
            ("One", lambda left: left == 1),
            (
                "None, and an error says why",
                lambda left: left < 0,
                "Nobody was asked anything that could fail.",
            ),
        ],
        "The interface has no way to say *on this connection*, as most queues have none. So what "
        "the queue can do is lost on the way.",
    ),
    "slowest": Prediction(
        "All three have a worker that idles. In which will a single job take longest, from the "
        "call to its row?",
        [
            (
                "Dramatiq",
                lambda measured: _slowest(measured).startswith("Dramatiq"),
                "Its worker waits at the queue itself, and has its connections open.",
            ),
            ("RQ", lambda measured: _slowest(measured) == "RQ"),
            (
                "Procrastinate",
                lambda measured: _slowest(measured) == "Procrastinate",
                "A row takes a few milliseconds more than a list in Redis. A process takes more.",
            ),
        ],
        "A fork is quick. But the new process has no connection to the database yet, and all that "
        "it learns is gone with it.",
    ),
    "killed": Prediction(
        "All three workers were killed with jobs in hand, and three new ones start. In which "
        "queue will all six jobs be done soon, although nobody helps?",
        [
            ("Only in Dramatiq’s", lambda done: _finished(done) == {"Dramatiq"}),
            (
                "Only in Procrastinate’s: a database forgets nothing",
                lambda done: _finished(done) == {"Procrastinate"},
                "It forgets nothing, that *somebody is doing this* included.",
            ),
            (
                "In all of them",
                lambda done: len(_finished(done)) == len(done),
                "Each still has its jobs written down. To run them again is another matter.",
            ),
        ],
        "To bring a job back, somebody must find out that its worker is dead, and be allowed to "
        "conclude that the job is to run again.",
    ),
}
