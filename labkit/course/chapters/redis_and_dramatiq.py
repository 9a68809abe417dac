"""Chapter 02: a Redis list as a queue, what Dramatiq is, and the keys that one job leaves."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from labkit.course.chapters import Chapter
from labkit.course.chapters import redis_and_dramatiq_checks as checks
from labkit.course.chapters import redis_and_dramatiq_line as line
from labkit.course.chapters.redis_and_dramatiq_keep import KEEP
from labkit.course.chapters.redis_and_dramatiq_quiz import IN_CLASS, MISCONCEPTIONS, QUIZ
from labkit.course.exercise import Exercise
from labkit.course.prediction import Prediction


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
                "Results need a middleware of their own, `dramatiq.results.Results`.",
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
        check=checks.check_take,
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
            ('def take(client):\n    return client.rpop("line")', "that is a stack", "stack"),
            ('def take(client):\n    return client.lindex("line", 0)', "left it there"),
            ('def take(client):\n    return client.lpop("queue")', "ask for the list `line`"),
            ('def take(client):\n    print(client.lpop("line"))', "or it is lost"),
            ('def take(client):\n    return client.blpop("line", timeout=1)', "item alone"),
            ('def take(client):\n    return client.blpop("line")[1]', "if need be for ever"),
            (
                "def take(client):\n"
                '    item = client.lindex("line", 0)\n'
                "    if item is not None:\n"
                '        client.lrem("line", 1, item)\n'
                "    return item",
                "look and remove in one command",
                "two_steps",
            ),
        ],
        praise="Any number of workers may call it at once, and none of them knows of the others.",
    ),
    "waiting": Exercise(
        "Write `waiting(client)`: a list of who waits in the queue `default`, oldest first, each "
        "as a pair of the actor’s name and its arguments. It only looks.",
        check=checks.check_waiting,
        hints=[
            "Two keys are needed: the list knows the order, and the hash knows what stands behind "
            "an id.",
            "`client.lrange(key, 0, -1)` reads a whole list and leaves it as it is; "
            "`client.hget(key, name)` reads one entry of a hash.",
            "For each id of the list: get its text out of the hash, make a dictionary of it with "
            "`json.loads`, and take `actor_name` and `args` from that.",
        ],
        setup="import json",
        stub=checks.WAITING_STUB,
        given=["waiting"],
        solution=checks.WAITING,
        also_correct=checks.WAITING_OTHERWISE,
        wrong=[
            (checks.ALL_MESSAGES, "has in its hands", "in_the_hash"),
            (checks.POPPED, "is no look", "peek"),
            (checks.IDS, "is the id of a delivery"),
            (checks.MESSAGES, "was to be a pair"),
            (checks.OTHER_KEY, "finds none"),
            (checks.FIRST_TWO, "you list 2"),
            (checks.NO_RETURN, "Does it `return`"),
        ],
        praise="That is what a board does, a little faster: its numbers come from such reads.",
    ),
    "line": Exercise(
        "Complete `Line`, a queue that loses nothing. `take` hands out the oldest item and holds "
        "it until it is `done`; `give_back` puts all that is held back to the front, in its order.",
        check=line.check_line,
        hints=[
            "Two lists: one for those who wait, one for what is held. Draw an arrow for each "
            "method. Which arrows lead from one list into the other?",
            "`client.lmove(source, target, from_end, to_end)` takes at one end and puts in at the "
            "other, in one command. `client.lrem(key, 1, item)` removes one item of that value.",
            "Whoever is taken goes to the right end of `held`. So the one that was taken last is "
            "at the right, and has to be the first to go back.",
        ],
        stub=line.STUB,
        given=["Line"],
        keep=KEEP,
        solution=line.SOLUTION,
        also_correct=line.OTHERWISE,
        wrong=[
            (line.IN_MEMORY, "in that worker's memory alone", "safe_once_taken"),
            (line.TWO_COMMANDS, "was in no list"),
            (line.NEVER_DONE, "would run a second time"),
            (line.ALL_DONE, "other worker's tea is lost"),
            (line.OLDEST_DONE, "names the item that it means"),
            (line.TO_THE_END, "it is next"),
        ],
        praise="Dramatiq does it the same way, with one set for each worker, so that it knows "
        "whose jobs to give back when one of them dies.",
    ),
}

CHAPTER = Chapter(
    number="02",
    title="Redis and Dramatiq",
    minutes=30,
    mirrors="Active Job’s backends, and “Sidekiq Jobs”",
    needs=("01",),
    predictions=PREDICTIONS,
    exercises=EXERCISES,
    quiz=QUIZ,
    misconceptions=MISCONCEPTIONS,
    in_class=IN_CLASS,
)
