"""The quiz of chapter 02, its misconceptions, and notes for teachers."""

from __future__ import annotations

from collections.abc import Sequence

from labkit.course.misconception import Misconception
from labkit.course.quiz import Question

MISCONCEPTIONS = {
    "stack": Misconception(
        "A pop gives the next one, whichever end it is.",
        "Put three people in a line and let new ones join behind them. Call from the back, and ask "
        "the first how long she has been standing.",
    ),
    "two_steps": Misconception(
        "Two quick commands are as good as one.",
        "Play it: one reads the note on top, turns round, comes back and takes it. A second person "
        "needs only the moment in between.",
    ),
    "peek": Misconception(
        "To look at a queue, take from it what is in it.",
        "Keep the board in view while somebody empties the list to count it. Ask which worker will "
        "do those jobs now.",
    ),
    "in_the_hash": Misconception(
        "Every message in Redis is one that waits.",
        "Hold a job at a gate as in chapter 05, and compare `LLEN` of the list with `HLEN` of the "
        "hash.",
    ),
    "safe_once_taken": Misconception(
        "A job that a worker has taken is out of danger.",
        "Ask where the job is, in words, between LPOP and its end. When all have said “in the "
        "worker’s memory”, ask what `kill -9` does to a memory.",
    ),
}

IN_CLASS = (
    "On a machine with a Redis of its own the first prediction comes out otherwise than at the "
    "next desk. Both are right: let the two read their cell’s output aloud.",
    "`%redis FLUSHALL`, tried out of curiosity, is refused on a Redis that somebody else started, "
    'and asks first on the course’s own. `fresh("02")` begins again afterwards.',
    "`02.line` takes some twenty minutes. Whoever is stuck draws the two lists on paper first, "
    "with an arrow for each method.",
)

QUIZ: Sequence[Question] = (
    Question(
        "Which of the Python libraries has the model of Sidekiq: Redis, and many threads in one "
        "worker process?",
        [
            ("RQ", "RQ has Resque's model: it forks a process for each job."),
            ("Dramatiq", "And the course uses it for that reason."),
            (
                "Procrastinate",
                "That one has Delayed Job's model: the jobs are rows of a PostgreSQL table.",
            ),
        ],
        right=2,
    ),
    Question(
        "`RPUSH line a b c`, and then `RPOP line`. What does the worker get?",
        [
            (
                "`a`: it came first",
                "RPUSH appends at the right end, so `a` is at the left one, and RPOP takes from "
                "the right.",
                "stack",
            ),
            (
                "`c`, and `a` waits for as long as others come",
                "The same end for both is a stack. A queue puts in at one end and takes at the "
                "other.",
            ),
            ("All three", "A pop takes one item, unless it is told a number."),
        ],
        right=2,
    ),
    Question(
        "A worker looks at the oldest item with `LINDEX`, and then removes it with `LREM`. With "
        "many workers some jobs run twice. What helps?",
        [
            (
                "A Redis that is nearer, so that the two come closer together",
                "It makes it rarer, and harder to find. Between two commands there is always room "
                "for a third.",
                "two_steps",
            ),
            ("`LPOP`, which does both in one command", "Redis runs one command after the other."),
            (
                "That the workers ask each other first",
                "They do not know of each other, and asking takes commands, too.",
            ),
        ],
        right=2,
    ),
    Question(
        "What says how many jobs wait in the queue `default`, and changes nothing?",
        [
            (
                "Pop them one by one, count, and push them back",
                "In the meantime they are in no queue, and they come back behind the others.",
                "peek",
            ),
            (
                "`HLEN dramatiq:default.msgs`",
                "In the hash are also the messages that workers have in their hands.",
                "in_the_hash",
            ),
            ("`LLEN dramatiq:default`", "The list holds who waits, and reading its length is all."),
        ],
        right=3,
    ),
    Question(
        "From chapter 01: a page has promised an e-mail. A worker takes that job with `LPOP`, and "
        "before it has reached the mail server, the machine loses power. What now?",
        [
            (
                "Redis gives the job to the next worker",
                "It would have to have it: LPOP has handed it out and forgotten it.",
                "safe_once_taken",
            ),
            (
                "The promise is broken, and nothing in Redis says so",
                "So a worker does not just take: Dramatiq keeps the id in a second place until the "
                "job is done.",
            ),
            (
                "The web server notices, and sends the job again",
                "It has answered long ago, and knows nothing of workers.",
            ),
        ],
        right=2,
    ),
    Question(
        "From chapter 00: a job waits, and no worker runs. You restart the kernel of the notebook "
        "that sent it. What becomes of the job?",
        [
            ("It is gone with the kernel", "The kernel is one process, and Redis is another."),
            (
                "It waits in Redis as before",
                "Whoever sent it need not be there when it is done.",
            ),
            (
                "It is sent once more when the notebook runs again",
                "Only when the cell with `send` runs again, and then there are two.",
            ),
        ],
        right=2,
    ),
)
