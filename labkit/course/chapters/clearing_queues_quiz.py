"""The quiz of chapter 08, its misconceptions, and notes for teachers."""

from __future__ import annotations

from collections.abc import Sequence

from labkit.course.misconception import Misconception
from labkit.course.quiz import Question

MISCONCEPTIONS = {
    "whose": Misconception(
        "A flush removes what my application has written.",
        "Before section 3, let the room list who lives in database 12. Then flush, and go through "
        "the list.",
    ),
    "queue_is_list": Misconception(
        "A queue is one list in Redis, and with the list the jobs are gone.",
        "`%redis KEYS dramatiq:*` after `move_in`: let them say of each key what it is for.",
    ),
    "prefix": Misconception(
        "Names that begin alike belong together.",
        "Write `dramatiq:` and `dramatiq-shop:` below each other, and ask where the first name "
        "ends.",
    ),
    "page": Misconception(
        "`Ledger().jobs(…)` gives all the jobs there are.",
        "Send two hundred jobs and ask for `len(…)`. Whoever reads lists that can grow gets pages.",
    ),
    "failed_is_over": Misconception(
        "A job that has failed is over.",
        "Leave the board in view in section 6: the job goes to `retrying`, and that is no end.",
    ),
}

IN_CLASS = (
    "Somebody will paste the guide’s two commands into a terminal while you talk. Say at the start "
    "which Redis of the room is shared, and that the cells here bring one of their own.",
    "A learner’s own worker in a terminal takes the job of section 6, and the panel’s window stays "
    "empty. The first cell has named that worker: have it stopped.",
    "The commit says “Learner” where git knows nobody. That is set for `work/` alone; whoever "
    "wants their own name sets it there with `git config`.",
)

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
                "Use `flushdb`: it removes only what your application wrote.",
                "It removes every key of the selected database, whoever wrote it.",
                "whose",
            ),
            (
                "Clear your own namespace, and leave the rest.",
                "The other teams' sessions, caches and jobs are in there too.",
            ),
        ],
        right=3,
    ),
    Question(
        "Somebody deletes the key `dramatiq:default`, the queue's list. Which jobs can still run?",
        [
            (
                "None: the list was the queue.",
                "It holds the ids that wait. What comes later is kept elsewhere.",
                "queue_is_list",
            ),
            (
                "Those that are scheduled. What has failed is over.",
                "A failed job waits for its next attempt, in the same place as a scheduled one.",
                "failed_is_over",
            ),
            (
                "Those that are scheduled, and those that wait for a retry.",
                "Both are in the delayed queue, each with its time.",
            ),
        ],
        right=3,
    ),
    Question(
        "A script removes every key that matches `dramatiq*`. Who loses something?",
        [
            (
                "Every application whose namespace begins with these letters.",
                "`dramatiq-shop` does. With the colon, `dramatiq:*`, it would not.",
            ),
            (
                "Only the application with the namespace `dramatiq`.",
                "A pattern knows letters, and not where a name ends.",
                "prefix",
            ),
            ("Nobody: keys of jobs are protected.", "Redis protects no key from `DEL`."),
        ],
        right=1,
    ),
    Question(
        "400 jobs are scheduled. `for job in Ledger().jobs('scheduled'): Ledger().cancel(job.id)` "
        "has run. How many are scheduled now?",
        [
            (
                "0",
                "`jobs` gives one page. Say `limit=`, or go on until a page is empty.",
                "page",
            ),
            ("350", "A page has 50 jobs, unless `limit` says otherwise."),
            ("400: a scheduled job cannot be cancelled.", "It can, until a worker has fetched it."),
        ],
        right=2,
    ),
    Question(
        "From chapter 07: after a test run, a job that a test has sent runs in the development "
        "worker. What is the likely reason?",
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
