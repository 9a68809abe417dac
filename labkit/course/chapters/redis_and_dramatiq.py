"""Chapter 02: a Redis list as a queue, what Dramatiq is, and the keys that one job leaves."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from labkit.course.chapters import Chapter
from labkit.course.chapters.redis_and_dramatiq_checks import check_take
from labkit.course.exercise import Exercise
from labkit.course.prediction import Prediction
from labkit.course.quiz import Question


def _lost(first: Collection[Any], second: Collection[Any]) -> bool:
    return not set(first) & set(second) and len(first) + len(second) < 1_000


def _shared_out(first: Collection[Any], second: Collection[Any]) -> bool:
    return not set(first) & set(second) and len(first) + len(second) == 1_000


def _is_two_keys(keys: Sequence[bytes]) -> bool:
    return list(keys) == [b"dramatiq:default", b"dramatiq:default.msgs"]


PREDICTIONS = {
    "which": Prediction(
        "Which Redis will this notebook use?",
        [
            ("The one that `REDIS_URL` names", lambda source: source == "REDIS_URL"),
            (
                "One that somebody started on this machine, at port 6379",
                lambda source: source == "local",
            ),
            (
                "A private one that labkit starts for this folder",
                lambda source: source == "private",
            ),
        ],
        "The first of these that answers is used. `labkit doctor` in a terminal says the same.",
    ),
    "once": Prediction(
        "A list holds a thousand numbers. Two clients take from it at the same time, as fast as "
        "they can, until it is empty. What do they get?",
        [
            (
                "Some numbers are taken by both",
                lambda first, second: bool(set(first) & set(second)),
                "That is what happens when taking is two steps, a look and a removal.",
            ),
            ("Each number is taken by exactly one of the two", _shared_out),
            (
                "Some numbers get lost between the two",
                _lost,
                "Redis answers a command to one client, or does not run it.",
            ),
        ],
        "Redis runs one command after the other, and `LPOP` looks and removes in one command. So "
        "any number of workers can share a list without knowing of each other.",
    ),
    "keys": Prediction(
        "You send one job, and no worker runs. Which keys of the queue `default` are in Redis?",
        [
            (
                "One: a list that holds the whole job",
                lambda keys: len(keys) == 1,
                "That is how Sidekiq does it.",
            ),
            ("Two: a list of ids, and a hash that holds the jobs themselves", _is_two_keys),
            (
                "One for each job, with the job's id in the key's name",
                lambda keys: len(keys) > 2 or (len(keys) == 2 and not _is_two_keys(keys)),
                "Then counting the jobs would mean looking through all keys.",
            ),
        ],
        "The list keeps the order, and moving a short id around is cheap. The hash finds a job by "
        "its id.",
    ),
    "after": Prediction(
        "A worker runs the job. What does Dramatiq itself keep of it in Redis afterwards?",
        [
            (
                "The message, marked as done",
                lambda left: any(b"default" in key for key in left),
                "Nothing in a queue is marked. What is done is removed.",
            ),
            ("Nothing", lambda left: not left),
            (
                "The result of the function",
                lambda left: bool(left) and not any(b"default" in key for key in left),
                "Results need a middleware of their own, `dramatiq.results`.",
            ),
        ],
        "An acknowledged message is deleted. That a job was completed, and when, is known here "
        "because labkit writes it down in the same step: that is the ledger.",
    ),
}

EXERCISES = {
    "take": Exercise(
        "Write `take(client)`: it takes the oldest item from the list `line` and returns it, or "
        "None when the list is empty. New items come in by RPUSH.",
        check=check_take,
        hints=[
            "RPUSH appends at the right end. At which end is the oldest item?",
            "Two workers may call `take` at the same moment. Which command returns an item and "
            "removes it, in one?",
            "`client.lpop(key)` pops from the left end, and returns None when there is nothing.",
        ],
        stub="def take(client):\n    return ...",
        given=["take"],
        solution='def take(client):\n    return client.lpop("line")',
        also_correct=(
            "def take(client):\n"
            '    found = client.blpop("line", timeout=0.05)\n'
            "    return found[1] if found else None"
        ),
        wrong=[
            ('def take(client):\n    return client.rpop("line")', "that is a stack"),
            ('def take(client):\n    return client.lindex("line", 0)', "left it there"),
            (
                "def take(client):\n"
                '    item = client.lindex("line", 0)\n'
                "    if item is not None:\n"
                '        client.lrem("line", 1, item)\n'
                "    return item",
                "look and remove in one command",
            ),
        ],
        praise=(
            "One thing is still missing: a worker that dies right after LPOP takes its job with "
            "it. Dramatiq therefore keeps the id in a second set until the job is done. Chapter 09 "
            "kills a worker to see it."
        ),
    ),
}

QUIZ: Sequence[Question] = (
    Question(
        "Why does a web application put its jobs into Redis, and not into a list in its own "
        "memory?",
        [
            (
                "Memory is too slow for a queue",
                "A list in memory is faster than any server. But only one process can see it.",
            ),
            (
                "The worker is another process: both must reach the list, and jobs must outlive a "
                "restart of the application",
                "That is the point of a queue outside of both.",
            ),
            (
                "Python lists cannot be used by several threads",
                "They can, and it would not help: a worker is another process.",
            ),
        ],
        right=2,
    ),
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
        "Two workers run `LPOP` on the same list at the same instant. What keeps them from taking "
        "the same job?",
        [
            (
                "Redis runs one command after the other",
                "So the second LPOP finds the list as the first one left it.",
            ),
            ("The workers ask each other first", "They do not know of each other."),
            (
                "Nothing: the job must be written so that running twice does no harm",
                "It should be so written, for other reasons (chapter 09). But LPOP gives an item "
                "away once.",
            ),
        ],
        right=1,
    ),
    Question(
        "You rename the function of a job from `send_invoice` to `mail_invoice` and restart the "
        "worker. Some old messages are still in Redis. What is in them?",
        [
            (
                "The new name: a message points to the function",
                "It cannot: the message is a piece of JSON in another process.",
            ),
            (
                "The old code, so they run as they would have",
                "No code is in a message.",
            ),
            (
                "The old name, which no worker knows any more",
                "So one keeps the old name for as long as messages with it may come.",
            ),
        ],
        right=3,
    ),
    Question(
        "From chapter 01: a request enqueues its e-mail. At the moment of the answer, what do you "
        "know for certain?",
        [
            ("That the e-mail was sent", "A worker may not even have started."),
            (
                "That the job is stored in Redis",
                "And that is all. So the page says “on its way”, and not “sent”.",
            ),
            (
                "That the address exists",
                "Nobody has talked to a mail server yet.",
            ),
        ],
        right=2,
    ),
)

CHAPTER = Chapter(
    number="02",
    title="Redis and Dramatiq",
    minutes=20,
    mirrors="Active Job’s backends, and “Sidekiq Jobs”",
    needs=("01",),
    predictions=PREDICTIONS,
    exercises=EXERCISES,
    quiz=QUIZ,
)
