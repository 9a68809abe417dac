"""Chapter 03: pools and timeouts, labkit.toml, REDIS_URL, and a middleware of one's own."""

from __future__ import annotations

from collections.abc import Sequence

from labkit.course.chapters import Chapter
from labkit.course.chapters.configuring_checks import (
    ALSO_CORRECT,
    EITHER_WAY,
    OTHER_NAME,
    SOLUTION,
    TALLY,
    TOO_EARLY,
    TOO_FEW,
    check_tally,
    check_toml,
)
from labkit.course.exercise import Exercise
from labkit.course.prediction import Prediction
from labkit.course.quiz import Question
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
        check=check_toml,
        hints=[
            "The top level of the file holds for every environment, a table only for its own.",
            "In TOML everything below a `[table]` belongs to it, up to the next one. So the order "
            "of the lines matters.",
        ],
        stub="config = ...",
        given=["config"],
        solution=(
            'config = """\n'
            "concurrency = 2\n"
            'queues = ["default", "mailers"]\n\n'
            "[production]\n"
            "concurrency = 10\n"
            '"""'
        ),
        also_correct=(
            'config = """\n'
            'queues = ["mailers", "default"]\n\n'
            "[development]\n"
            "concurrency = 2\n\n"
            "[production]\n"
            "concurrency = 10\n"
            '"""'
        ),
        wrong=[
            ('config = """\nconcurrency: 2\nqueues:\n  - default\n"""', "not valid TOML"),
            (
                'config = """\nconcurrency = 2\n[production]\nconcurrency = 10\n'
                'queues = ["default", "mailers"]\n"""',
                "above the first table",
            ),
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
        check=check_tally,
        hints=[
            "You need one hook: the one that Dramatiq calls when a job is over, either way.",
            "The hook gets two arguments by name. One is the result, the other the exception, "
            "and that one is None when all went well.",
        ],
        setup="import dramatiq",
        stub=f"{TALLY}\n    # Add the hook here.",
        given=["Tally"],
        solution=TALLY + SOLUTION,
        also_correct=TALLY + ALSO_CORRECT,
        wrong=[
            (TALLY + TOO_EARLY, "before it had run"),
            (TALLY + EITHER_WAY, "counted them as done"),
            (TALLY + TOO_FEW, "as CRITICAL"),
            (TALLY + OTHER_NAME, "calls a hook by its name"),
        ],
        praise=(
            "Sidekiq's middleware wraps the job in a `yield`; Dramatiq calls a hook before and one "
            "after. Its own retries, time limits and callbacks are middleware like yours."
        ),
    ),
}

QUIZ: Sequence[Question] = (
    Question(
        "A web application enqueues jobs, and a worker runs them. Who is a client of the queue, "
        "and who its server, in the guide's words?",
        [
            (
                "The application is the client, the worker the server",
                "The client pushes jobs, the server pulls them. Both are clients of Redis.",
            ),
            (
                "The worker is the client, Redis the server",
                "Of Redis, yes, and so is the application. `configure_server` means the worker.",
            ),
            (
                "The browser is the client, the application the server",
                "Of HTTP. The queue begins behind that.",
            ),
        ],
        right=1,
    ),
    Question(
        "A worker runs sixteen jobs at once. Each calls a slow web service for two seconds, and "
        "Redis is asked for a millisecond when it ends. The pool has four connections. Now?",
        [
            (
                "Twelve of the sixteen always wait for a connection",
                "They wait for the web service. Redis is needed a millisecond in two seconds.",
            ),
            (
                "Nothing to do: four are plenty",
                "A pool is sized by how many talk to Redis at the same moment.",
            ),
            (
                "The worker must be cut down to four threads",
                "Then twelve jobs would wait for no reason. Threads wait for services, connections "
                "are borrowed.",
            ),
        ],
        right=2,
    ),
    Question(
        "Where does the address of the production Redis belong, with its password in it?",
        [
            (
                "Into `[production]` of labkit.toml",
                "That file is committed: everybody with the repository would have the password.",
            ),
            ("Into the environment variable `REDIS_URL`", "And labkit refuses it in the file."),
            (
                "Into the code that makes the broker",
                "Code is committed too, and the same code runs in every environment.",
            ),
        ],
        right=2,
    ),
    Question(
        "You add a middleware to the broker in a cell of this notebook. Your worker, started "
        "before, runs a job. Is `before_process_message` of your middleware called?",
        [
            (
                "Yes: the broker is the same",
                "It has the same Redis. But each process has a broker object of its own.",
            ),
            (
                "No: the worker is another process, and has not loaded it",
                "It must stand in a module that the worker imports when it starts.",
            ),
            (
                "Only for jobs that are sent from this notebook",
                "The job is run elsewhere all the same; `before_enqueue` would be called here.",
            ),
        ],
        right=2,
    ),
    Question(
        "From chapter 02: the worker of the last experiment looked at DB 12, and the job lay in "
        "DB 0. With which command do you see it?",
        [
            (
                "`%redis -n 12 LRANGE dramatiq:default 0 -1`",
                "That is the room in which the worker looks, in vain.",
            ),
            (
                "`%redis -n 0 LRANGE dramatiq:default 0 -1`",
                "The list of waiting ids, in the room where the job is.",
            ),
            (
                "`%redis -n 0 GET dramatiq:default`",
                "GET reads strings, and a queue is a list: Redis answers WRONGTYPE.",
            ),
        ],
        right=2,
    ),
)

CHAPTER = Chapter(
    number="03",
    title="Configuring",
    minutes=30,
    mirrors="Configuring Sidekiq",
    needs=("02",),
    predictions=PREDICTIONS,
    exercises=EXERCISES,
    quiz=QUIZ,
)
