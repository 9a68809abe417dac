"""The predictions of chapter 09: what is left when something has been broken."""

from __future__ import annotations

from collections.abc import Sequence

from labkit.course.prediction import Prediction
from labkit.ledger.records import JobState


def _grow(waits: Sequence[float]) -> bool:
    return waits[-1] > 1.5 * waits[0]


PREDICTIONS = {
    "waits": Prediction(
        "A service is away, and a job that needs it fails four times before the service is back. "
        "How long does the job wait between its attempts?",
        [
            (
                "The same time before each",
                lambda waits: not _grow(waits) and waits[-1] > waits[0] / 1.5,
                "Then a thousand jobs would knock at a sick service a thousand times, at the same "
                "pace, for as long as it is sick.",
            ),
            ("Longer before each", lambda waits: _grow(waits)),
            (
                "Shorter before each, because it has waited so long already",
                lambda waits: waits[-1] <= waits[0] / 1.5,
                "That is how people are. For a service that is overloaded it would be the end.",
            ),
        ],
        "Each wait is about twice the one before, with some chance in it. Whoever is down is given "
        "more and more time.",
    ),
    "letter": Prediction(
        "The title is mended. What does the dead letter do now?",
        [
            (
                "It runs again by itself, in a while",
                lambda before, after: before is not JobState.DEAD,
                "A dead letter has no next attempt. That is what makes it one.",
            ),
            (
                "It stays dead until somebody says otherwise, and then it works",
                lambda before, after: (before, after) == (JobState.DEAD, JobState.COMPLETED),
            ),
            (
                "It fails again whenever it is run, because it was sent with the old title",
                lambda before, after: before is JobState.DEAD and after is not JobState.COMPLETED,
                "It was sent with an id. It finds the task as it is now.",
            ),
        ],
        "Dead letters are kept for a week, so that somebody can read them, mend the cause, and "
        "send them on.",
    ),
    "limit": Prediction(
        "`report` may take 200 ms, and is sent to print a thousand pages, which takes fifty "
        "seconds. What happens?",
        [
            (
                "The worker is killed and started again",
                lambda job, same: not same,
                "All its other jobs would be killed with it.",
            ),
            (
                "An error is raised inside the job, and the worker goes on",
                lambda job, same: same and "TimeLimitExceeded" in (job.error or ""),
            ),
            (
                "It prints to its end, and a warning is logged",
                lambda job, same: same and job.error is None,
                "A limit that only warns is none.",
            ),
        ],
        "Once a second the worker looks at the clock, and raises `TimeLimitExceeded` in the thread "
        "of a job that is over its time.",
    ),
    "killed": Prediction(
        "The worker was killed when the job had booked its payment, and had not yet ended. Another "
        "worker runs. How many payments will there be?",
        [
            (
                "One: the job is gone with its worker",
                lambda job, paid: paid == 1 and job.state is not JobState.COMPLETED,
                "Redis gave it to the worker, and kept it until the worker would say that it was "
                "done.",
            ),
            (
                "One: the job goes on where it was",
                lambda job, paid: paid == 1 and job.state is JobState.COMPLETED,
                "Nobody knows where it was. What a process has in its head dies with it.",
            ),
            ("Two", lambda job, paid: paid == 2),
        ],
        "At least once: a job whose end nobody has heard of is run again, from its beginning.",
    ),
    "poison": Prediction(
        "`grow` has now killed a worker itself. It comes back once more, and there is a new "
        "worker. What happens to that one?",
        [
            (
                "It dies as well, and so does each one after it",
                lambda job, lives: not lives,
                "On stock Dramatiq that is so: a job whose worker died is not counted as failed.",
            ),
            (
                "It lives, and the job is a dead letter",
                lambda job, lives: lives and job.state is JobState.DEAD,
            ),
            (
                "It lives, and the job runs to its end, with a worker of its own",
                lambda job, lives: lives and job.state is JobState.COMPLETED,
                "Nothing about the job has changed.",
            ),
        ],
        "A job that came back from a dead worker writes down its start before it begins. When "
        "there are more starts than it is allowed, it is not begun again.",
    ),
    "twice": Prediction(
        "The very same message is put into the queue twice. How often is the customer charged?",
        [
            (
                "Once: both have the same id, and Redis keeps ids apart",
                lambda paid: paid == 1,
                "The id says that it is one job. It does not say that it may be run only once.",
            ),
            ("Twice", lambda paid: paid == 2),
            (
                "Never: the second cancels the first",
                lambda paid: paid == 0,
                "Nothing was cancelled.",
            ),
        ],
        "Queues deliver at least once. That a second delivery does no harm is the job’s own "
        "business.",
    ),
    "gone": Prediction(
        "Redis was killed with -9 while a job waited in it, and is started again. The worker was "
        "there all the time. What becomes of the job?",
        [
            (
                "It is gone: it was in Redis’s memory",
                lambda job, lives: job is None,
                "This Redis writes down what it is told, in an append-only file. One without "
                "would have lost it.",
            ),
            (
                "It is there, and waits until the worker is started anew",
                lambda job, lives: job is not None and not lives,
                "A worker that has lost its Redis tries again, every few seconds.",
            ),
            (
                "It is run by the same worker",
                lambda job, lives: job is not None and lives and job.state is JobState.COMPLETED,
            ),
        ],
        "What was accepted is on the disk, and both sides come back by themselves. Losing at most "
        "the last second is the usual setting.",
    ),
    "early": Prediction(
        "A job is enqueued inside a transaction, and the worker runs it before the commit. Then "
        "the transaction fails. What is left?",
        [
            (
                "Neither a task nor a job",
                lambda tasks, job: not tasks and job is None,
                "The database undid what it had done. Nobody told Redis.",
            ),
            (
                "A job that cannot find its task, and never will",
                lambda tasks, job: not tasks and job is not None,
            ),
            (
                "Both: the job had seen the task",
                lambda tasks, job: tasks > 0,
                "Another process sees no row before the commit.",
            ),
        ],
        "The database has undone its part, and knows nothing of the other.",
    ),
    "late": Prediction(
        "Now the other order: commit first, then enqueue. Redis is away in between. When it is "
        "back, what is there?",
        [
            (
                "The task and its job",
                lambda tasks, jobs: tasks > 0 and jobs > 0,
                "Who should have kept the job until then?",
            ),
            ("The task, and no job", lambda tasks, jobs: tasks > 0 and jobs == 0),
            (
                "Neither: the error undid the task",
                lambda tasks, jobs: not tasks,
                "It was committed before.",
            ),
        ],
        "Nobody remembers that a job was meant to be sent. If the process had been killed at that "
        "moment, there would not even be an error.",
    ),
    "stop": Prediction(
        "A worker with two threads has more jobs before it than it can do, and is told to stop: "
        "SIGTERM, as every deployment does. What becomes of the jobs?",
        [
            (
                "Those that run are cut off, and come back later",
                lambda waiting, cut: cut > 0,
                "That was kill -9. A worker that is told to stop may finish what it runs.",
            ),
            (
                "It stops when all of them are done",
                lambda waiting, cut: not cut and not waiting,
                "It could take until tomorrow.",
            ),
            (
                "Those that run are finished, and the others wait for the next worker",
                lambda waiting, cut: not cut and waiting > 0,
            ),
        ],
        "It takes no more jobs, gives back those that it had fetched and not begun, and ends when "
        "its threads are free.",
    ),
}
