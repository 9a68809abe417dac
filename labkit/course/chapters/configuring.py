"""Chapter 03: pools and timeouts, labkit.toml, REDIS_URL, and a middleware of one's own."""

from __future__ import annotations

from labkit.course.chapters import Chapter
from labkit.course.chapters import configuring_checks as checks
from labkit.course.chapters import configuring_stopwatch as stopwatch
from labkit.course.chapters.configuring_keep import KEEP
from labkit.course.chapters.configuring_quiz import IN_CLASS, MISCONCEPTIONS, QUIZ
from labkit.course.exercise import Exercise
from labkit.course.prediction import Prediction
from labkit.ledger.records import JobState

PREDICTIONS = {
    "pool": Prediction(
        "Eight threads share a client with four connections. Each thread holds its connection for "
        "0.3 s. What happens?",
        [
            (
                "Four threads get an error",
                lambda most, errors: bool(errors),
                "redis-py's usual pool does that. You will see it in the next step.",
            ),
            (
                "Redis sees eight connections",
                lambda most, errors: not errors and most > 4,
                "Then the size would limit nothing.",
            ),
            (
                "Redis sees four connections, and the other four threads wait",
                lambda most, errors: not errors and most <= 4,
            ),
        ],
        "This is what the guide means: at most `size` connections, however many threads there are. "
        "The price is waiting, so a pool is as large as the number of threads that talk to Redis "
        "at the same moment, and not as the number of threads.",
    ),
    "boot": Prediction(
        "Now the server side: a worker with sixteen threads and a pool of four. What happens?",
        [
            (
                "It does not start",
                lambda running, most: not running,
                "Sidekiq does that: with `size: 4` and a concurrency of 3 it refuses to boot.",
            ),
            (
                "It starts and works, with fewer connections than threads",
                lambda running, most: running and most < 16,
            ),
            (
                "It starts, and opens a connection for each thread",
                lambda running, most: running and most >= 16,
                "A thread needs Redis only for a moment, when its job ends.",
            ),
        ],
        "The threads of a worker spend their time in jobs, not in Redis. At most four of them "
        "borrow from the pool. Beside it a worker keeps a connection to say that it lives, and one "
        "for each queue on which it waits for work.",
    ),
    "staging": Prediction(
        "`labkit.toml` has a table for production, and none for staging. You start something with "
        "`LABKIT_ENV=staging`. Which concurrency does it get?",
        [
            (
                "None: an unknown environment is an error",
                lambda staging, here: staging is None,
                "Sidekiq 6.4.1 does not boot then.",
            ),
            (
                "What stands at the top of the file",
                lambda staging, here: staging == here,
            ),
            (
                "That of production",
                lambda staging, here: staging not in (None, here),
                "A table holds for the environment of its name.",
            ),
        ],
        "The top level holds everywhere; a table says only what is different in its environment.",
    ),
    "trap": Prediction(
        "The worker was told to use DB 12. The console sends its job without being told anything, "
        "to DB 0 of the same server. What becomes of the job?",
        [
            (
                "It runs: it is the same server",
                lambda state: state is JobState.COMPLETED,
                "The numbers at the end of the URL are separate rooms of one house.",
            ),
            ("It waits, and nobody says a word", lambda state: state is JobState.ENQUEUED),
            (
                "It fails with an error",
                lambda state: state not in (JobState.COMPLETED, JobState.ENQUEUED),
                "Who should raise it? Each side does what it was told, and finds its Redis up.",
            ),
        ],
        "Sender and worker must agree on server, number and namespace. Nothing checks that for "
        "you, which is why labkit reads all three from one place.",
    ),
}

EXERCISES = {
    "toml": Exercise(
        "Write the text of a `labkit.toml`: 2 threads in development, 10 in production, and in "
        "every environment the queues `default` and `mailers`.",
        check=checks.check_toml,
        hints=[
            "The top level of the file holds for every environment, a table only for its own.",
            "In TOML everything below a `[table]` belongs to it, up to the next one. So the order "
            "of the lines matters.",
            "Three lines for all of them come first, or two and a table `[development]`; the table "
            "`[production]` comes last, and has one line.",
        ],
        stub="config = ...",
        given=["config"],
        solution=checks.TOML,
        also_correct=checks.TOML_OTHERWISE,
        wrong=[
            (checks.YAML, "not valid TOML"),
            (checks.BELOW, "above the first table", "tables"),
            (checks.ONE_QUEUE, "two queues were named"),
            (
                'config = """\nthreads = 2\n[production]\nthreads = 10\n"""',
                "there is no setting 'threads'",
            ),
            (
                'config = """\nconcurrency = 10\nqueues = ["default", "mailers"]\n"""',
                "2 and 10 were asked for",
            ),
        ],
        praise="Addresses stay out of it: they may hold a password, and this file is committed.",
    ),
    "tally": Exercise(
        "Complete `Tally`: it counts the jobs that ended well in `done`, and those that raised in "
        "`failed`.",
        check=checks.check_tally,
        hints=[
            "You need one hook: the one that Dramatiq calls when a job is over, either way.",
            "The hook gets two arguments by name. One is the result, the other the exception, "
            "and that one is None when all went well.",
        ],
        setup="import dramatiq",
        stub=f"{checks.TALLY}\n    # Add the hook here.",
        given=["Tally"],
        solution=checks.TALLY + checks.SOLUTION,
        also_correct=checks.TALLY + checks.ALSO_CORRECT,
        wrong=[
            (checks.TALLY + checks.TOO_EARLY, "before it had run", "begun"),
            (checks.TALLY + checks.EITHER_WAY, "counted them as done", "ended"),
            (checks.TALLY + checks.BY_RESULT, "A job that returns nothing"),
            (checks.TALLY + checks.TOO_FEW, "as CRITICAL", "loud"),
            (checks.TALLY + checks.OTHER_NAME, "calls a hook by its name"),
        ],
        praise=(
            "Sidekiq's middleware wraps the job in a `yield`; Dramatiq calls a hook before and one "
            "after. Its own retries, time limits and callbacks are middleware like yours."
        ),
    ),
    "stopwatch": Exercise(
        "Complete `Stopwatch`: for each actor it lists in `seconds` how long each of its jobs ran, "
        "in the order in which they ended, and whether they ended well or not. It reads the time "
        "from `self.clock()`.",
        check=stopwatch.check_stopwatch,
        hints=[
            "Two hooks, with the same `message` in both. What the first one finds out, the second "
            "one needs.",
            "Several jobs run at the same time, and there is one `Stopwatch` for all of them. "
            "Under which name can a beginning be kept, so that no other job has the same?",
            "A dictionary from `message.message_id` to the time at which that job began; the "
            "second hook takes its entry out with `pop`.",
        ],
        setup="import threading\nfrom collections import defaultdict\n"
        "from time import perf_counter\n\nimport dramatiq",
        stub=f"{stopwatch.STUB}\n    # Add the hooks here.",
        given=["Stopwatch"],
        keep=KEEP,
        solution=stopwatch.STUB + stopwatch.SOLUTION,
        also_correct=stopwatch.STUB + stopwatch.OTHERWISE,
        wrong=[
            (stopwatch.STUB + stopwatch.ONE_FOR_ALL, "was written over", "one_at_a_time"),
            (stopwatch.STUB + stopwatch.BY_ACTOR, "was written over", "one_at_a_time"),
            (stopwatch.STUB + stopwatch.FROM_SENDING, "waited for a worker"),
            (stopwatch.STUB + stopwatch.ONLY_GOOD, "those that fail"),
            (stopwatch.STUB + stopwatch.OWN_CLOCK, "somebody else can turn it"),
            (stopwatch.STUB + stopwatch.NO_OUTCOME, "as CRITICAL", "loud"),
            (stopwatch.STUB + stopwatch.OTHER_NAMES, "calls a hook by its name"),
        ],
        praise="A clock that comes from outside makes a test of twenty seconds take none.",
    ),
}

CHAPTER = Chapter(
    number="03",
    title="Configuring",
    minutes=40,
    mirrors="Configuring Sidekiq",
    needs=("02",),
    predictions=PREDICTIONS,
    exercises=EXERCISES,
    quiz=QUIZ,
    misconceptions=MISCONCEPTIONS,
    in_class=IN_CLASS,
)
