"""Chapter 08: what a flush takes with it, clearing only what is ours, and jobs that come back."""

from __future__ import annotations

from collections.abc import Mapping

from labkit.course.chapters import Chapter
from labkit.course.chapters import clearing_queues_checks as checks
from labkit.course.chapters import clearing_queues_promise as promise
from labkit.course.chapters import clearing_queues_some as some
from labkit.course.chapters.clearing_queues_keep import KEEP
from labkit.course.chapters.clearing_queues_quiz import IN_CLASS, MISCONCEPTIONS, QUIZ
from labkit.course.exercise import Exercise
from labkit.course.prediction import Prediction
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
            ("def clear(url):\n    Redis.from_url(url).flushdb()", "the shop's keys", "whose"),
            ("def clear(url):\n    Redis.from_url(url).flushall()", "other databases"),
            (checks.QUEUE_ONLY, "are still there", "queue_is_list"),
            (checks.TOO_SHORT, "also begin with", "prefix"),
            (checks.OTHER_SERVER, "every key is there as before"),
            (
                "def clear(url):\n    Redis.from_url(url).delete('dramatiq:*')",
                "for the commands that search",
            ),
        ],
        praise="In production even that is a step to think about: what is cleared was a promise "
        "to somebody.",
    ),
    "some": Exercise(
        "A customer leaves. Write `call_off(ledger, customer)`: it cancels every job whose first "
        "argument is the customer and that a worker has not begun, also those that failed and wait "
        "for a retry. All other jobs, and what has ended, stay as they are.",
        check=some.check_call_off,
        hints=[
            "A job that has not begun is in one of three states. Which ones does the board have?",
            "`ledger.jobs(state)` gives records; a record has `args` and `id`. `ledger.cancel` "
            "wants an id.",
            "A customer can have more than fifty jobs: `jobs` takes a `limit`, and "
            "`ledger.counts()` knows how many there are.",
        ],
        setup=some.SETUP,
        stub="def call_off(ledger, customer):\n    return ...",
        given=["call_off"],
        solution=some.CALL_OFF_SOLUTION,
        also_correct=some.CALL_OFF_OTHERWISE,
        wrong=[
            (some.ONE_PAGE, "gives one page", "page"),
            (some.NOT_THE_FAILED, "It is not over", "failed_is_over"),
            (some.EVERYBODY, "not Ada's job"),
            (some.ANYWHERE, "remind('Grace', 'Ada')"),
            (some.THE_DEAD_TOO, "What has begun or ended"),
            (some.THE_BEGUN_TOO, "is already taken"),
            ("def call_off(ledger, customer):\n    ledger.clear()", "asks for no customer"),
        ],
        praise="A cancelled job stays on the board for a while: it shows that somebody decided so.",
    ),
    "promise": Exercise(
        "Jobs were cleared that people were counting on. The database knows which tasks have no "
        "log. Write `catch_up(ledger, job, ids)`: it sends `job` for each of the ids, unless such "
        "a job is still to come, and returns a list of the ids that it sent. So it may run twice.",
        check=promise.check_catch_up,
        hints=[
            "Which states mean that a worker will still deal with a job? `is_final` is False for "
            "them.",
            "Collect the first arguments of the jobs that are still to come. What is not among "
            "them is missing.",
            "`ledger.jobs(state, actor=job.actor_name, limit=…)` leaves out other jobs, and stops "
            "at no page.",
        ],
        setup=some.SETUP,
        stub="def catch_up(ledger, job, ids):\n    return ...",
        given=["catch_up"],
        keep=KEEP,
        solution=promise.CATCH_UP_SOLUTION,
        also_correct=promise.CATCH_UP_OTHERWISE,
        wrong=[
            (promise.SENDS_ALL, "will run twice"),
            (promise.QUEUE_ALONE, "more than its list", "queue_is_list"),
            (promise.FIRST_PAGES, "gives one page", "page"),
            (promise.RUNNING_TOO, "its job is running", "queue_is_list"),
            (promise.ANY_RECORD, "no worker will touch that again"),
            (promise.ANY_JOB, "another job"),
            (promise.SAYS_NOTHING, "return what was sent"),
        ],
        praise="Run it by hand after an accident, or each night: it sends nothing when nothing is "
        "missing.",
    ),
}

CHAPTER = Chapter(
    number="08",
    title="Clearing queues",
    minutes=30,
    mirrors="Clearing Sidekiq queues",
    needs=("05", "07"),
    predictions=PREDICTIONS,
    exercises=EXERCISES,
    quiz=QUIZ,
    misconceptions=MISCONCEPTIONS,
    in_class=IN_CLASS,
)
