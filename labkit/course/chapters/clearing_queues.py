"""Chapter 08: what a flush takes with it, clearing only what is ours, and jobs that come back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from labkit.course.chapters import Chapter
from labkit.course.chapters import clearing_queues_checks as checks
from labkit.course.exercise import Exercise
from labkit.course.prediction import Prediction
from labkit.course.quiz import Question
from labkit.ledger.records import JobState

Counts = Mapping[JobState, int]


def _all_gone(counts: Counts) -> bool:
    return not any(counts.values())


PREDICTIONS = {
    "flushdb": Prediction(
        "You type `redis-cli flushdb`, as it stands in the guide. What becomes of the jobs?",
        [
            (
                "They are all gone",
                lambda jobs, others: _all_gone(jobs),
                "Without `-n`, redis-cli talks to database 0. The jobs are in database 12.",
            ),
            (
                "They are all still there, and another application has lost its data",
                lambda jobs, others: not _all_gone(jobs) and not others,
            ),
            (
                "They are all still there, and so is everything else",
                lambda jobs, others: not _all_gone(jobs) and bool(others),
                "It did empty a database: the one that nobody had in mind.",
            ),
        ],
        "A Redis server has numbered databases. `flushdb` empties the selected one, which is 0 "
        "until somebody says otherwise.",
    ),
    "right": Prediction(
        "Now on the right database: `redis-cli -n 12 flushdb`. What goes, and what stays?",
        [
            (
                "The jobs that wait in the queue go; scheduled and dead ones stay",
                lambda jobs, others: not _all_gone(jobs),
                "They are keys of the same database, and it takes every key.",
            ),
            (
                "All jobs go; the shop's keys stay",
                lambda jobs, others: _all_gone(jobs) and bool(others),
                "Redis does not know which key belongs to whom.",
            ),
            (
                "All jobs go, whatever their state, and the shop's keys go too",
                lambda jobs, others: _all_gone(jobs) and not others,
            ),
        ],
        "Scheduled jobs, retries, dead letters, statistics: all of it is keys, and so is what any "
        "other application keeps there.",
    ),
    "clear": Prediction(
        "Everything is back as it was. `Ledger.clear()` is called. What is left in database 12?",
        [
            ("Nothing", lambda jobs, others: not others, "That would be flushdb again."),
            (
                "The shop's keys, and no job",
                lambda jobs, others: bool(others) and _all_gone(jobs),
            ),
            (
                "The shop's keys, and the dead letters",
                lambda jobs, others: bool(others) and not _all_gone(jobs),
                "Clearing is about the whole namespace, dead letters too.",
            ),
        ],
        "Every key of ours begins with the namespace and a colon, so they can be told from others.",
    ),
    "again": Prediction(
        "A job has failed once, and its worker is gone. You start another. What becomes of it?",
        [
            (
                "It is gone with the worker that failed",
                lambda job: job is None,
                "A failed job does not live in the worker.",
            ),
            (
                "It is run again by the new worker, once its time has come",
                lambda job: job is not None and len(job.attempts) > 1,
            ),
            (
                "It stays failed until somebody sends it again",
                lambda job: job is not None and len(job.attempts) <= 1,
                "That is true of a dead letter, after the last attempt. This was the first.",
            ),
        ],
        "The retry is in Redis like a scheduled job. Whichever worker is there then takes it.",
    ),
    "test": Prediction(
        "A test fails in the fake mode, and another in the inline mode. How many jobs do the two "
        "leave in Redis?",
        [
            ("None", lambda jobs: jobs == 0),
            (
                "One: the inline one, which failed and waits for its retry",
                lambda jobs: jobs == 1,
                "Inline, the error goes to the caller, and there is no retry.",
            ),
            (
                "Two, which run again with the next test",
                lambda jobs: jobs >= 2,
                "Neither mode talks to Redis.",
            ),
        ],
        "In both modes nothing is sent to Redis, so nothing can come back from there.",
    ),
}

EXERCISES = {
    "ours": Exercise(
        "Three applications share a database: this course's jobs (`dramatiq:…`), a shop "
        "(`shop:…`), and another Dramatiq application with a namespace of its own "
        "(`dramatiq-shop:…`). Write `clear(url)`, which removes this course's keys and no other.",
        check=checks.check_clear,
        hints=[
            "Which object of labkit knows what belongs to a namespace?",
            "`Ledger(url=…)` looks at any Redis, with the namespace `dramatiq` unless told "
            "otherwise.",
            "It has a method with the name of your function.",
        ],
        setup="from labkit import Ledger\nfrom redis import Redis",
        stub="def clear(url):\n    return ...",
        given=["clear"],
        solution="def clear(url):\n    return Ledger(url=url).clear()",
        also_correct=checks.BY_HAND,
        wrong=[
            ("def clear(url):\n    Redis.from_url(url).flushdb()", "the shop's keys"),
            ("def clear(url):\n    Redis.from_url(url).flushall()", "other databases"),
            (checks.QUEUE_ONLY, "are still there"),
            (checks.TOO_SHORT, "also begin with"),
        ],
        praise="In production even that is a step to think about: what is cleared was a promise "
        "to somebody.",
    ),
}

QUIZ: Sequence[Question] = (
    Question(
        "A colleague wants to empty the queue of a staging server that three teams share, and "
        "types `redis-cli flushall`. What do you say?",
        [
            (
                "Go on: staging may be emptied at any time.",
                "By its owner. It has three.",
            ),
            (
                "Use `flushdb`: it spares the other teams.",
                "Only if each team has a database number of its own, and yours is selected.",
            ),
            (
                "Clear your own namespace, and leave the rest.",
                "The other teams' sessions, caches and jobs are in there too.",
            ),
        ],
        right=3,
    ),
    Question(
        "After a test run, a job that a test has sent runs in the development worker. "
        "What is the likely reason?",
        [
            (
                "The test ran in the fake mode, which keeps jobs in Redis until they are drained.",
                "It keeps them in a list in memory, and the list ends with the test.",
            ),
            (
                "The test ran in no mode at all, and sent a real job to the same Redis.",
                "The default mode is `disabled`: jobs go to Redis. Enter a mode, or use a Redis of "
                "the tests' own.",
            ),
            (
                "Dramatiq repeats failed tests.",
                "It knows nothing of tests.",
            ),
        ],
        right=2,
    ),
    Question(
        "From chapter 07: which of the three modes needs a Redis?",
        [
            ("fake", "Its jobs are in a list of this process."),
            ("inline", "Its jobs run in the sender's thread."),
            ("disabled", "It is the mode in which nothing is replaced: jobs go to Redis."),
        ],
        right=3,
    ),
    Question(
        "From chapter 05: a job was sent with `send_at` for tonight. Somebody clears the namespace "
        "at noon. What happens tonight?",
        [
            (
                "The job runs: it had been sent.",
                "It was stored in Redis, and nowhere else.",
            ),
            ("Nothing.", "Scheduled jobs are keys of the namespace like all others."),
            (
                "The worker reports a missing job.",
                "Nobody remembers that there was one.",
            ),
        ],
        right=2,
    ),
)

CHAPTER = Chapter(
    number="08",
    title="Clearing queues",
    minutes=20,
    mirrors="Clearing Sidekiq queues",
    needs=("05", "07"),
    predictions=PREDICTIONS,
    exercises=EXERCISES,
    quiz=QUIZ,
)
