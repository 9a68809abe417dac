"""Chapter 11: the same code on more than one machine, and what may be lost between them."""

from __future__ import annotations

from labkit.course.chapters import Chapter
from labkit.course.chapters import beyond_one_machine_answers as answers
from labkit.course.chapters.beyond_one_machine_checks import (
    check_address,
    check_certain,
    check_insist,
)
from labkit.course.chapters.beyond_one_machine_predictions import PREDICTIONS
from labkit.course.chapters.beyond_one_machine_quiz import IN_CLASS, MISCONCEPTIONS, QUIZ
from labkit.course.exercise import Exercise

EXERCISES = {
    "address": Exercise(
        "Write `address(user, password, host, port, database)`, which returns the `REDIS_URL` for "
        "them, whatever characters the password has.",
        check=check_address,
        hints=[
            "An address is cut up at `@`, `:`, `/` and `#`. What if one of these stands in the "
            "password?",
            "`quote` writes such characters as `%40` and the like; look up its argument `safe`. "
            "The database stands behind a slash.",
            "`redis://USER:PASSWORD@HOST:PORT/DATABASE`, with the password quoted and nothing in "
            "it safe.",
        ],
        setup=answers.ADDRESS_SETUP,
        stub=answers.ADDRESS_STUB,
        given=["address"],
        solution=answers.ADDRESS,
        also_correct=answers.ADDRESS_OTHERWISE,
        wrong=[
            (answers.PLAIN, "mean something in an address", "plain"),
            (answers.NO_DATABASE, "wait there for ever", "any_database"),
            (answers.NO_USER, "names no user"),
            (answers.SLASH, "nothing is safe"),
        ],
        praise="labkit shows such an address with `***` in the place of the password, wherever it "
        "shows one.",
    ),
    "insist": Exercise(
        "Write `insist(send, seconds)`, which calls `send()` and returns what that returns. While "
        "Redis is away it tries again, not more than fifty times a second; when it has been away "
        "for so many seconds, the error gets out. And an error that waiting does not mend gets out "
        "at once.",
        check=check_insist,
        hints=[
            "Three questions for each error: does waiting help, is there time left, and how long "
            "until the next try?",
            "`RedisUnavailable` is the one that says that Redis is away. `monotonic()` is a clock "
            "that nobody sets.",
            "A loop around `try: return send()`; where the time is up, a bare `raise` in the "
            "`except` lets the error out.",
        ],
        setup=answers.INSIST_SETUP,
        stub=answers.INSIST_STUB,
        given=["insist"],
        solution=answers.INSIST,
        also_correct=answers.INSIST_OTHERWISE,
        wrong=[
            (answers.EVERY_ERROR, "no message can carry", "every_error"),
            (answers.QUIETLY, "believes that the job is sent", "quietly"),
            (answers.AT_ONCE, "hundreds of times a second"),
            (answers.FOR_EVER, "long after its time"),
            (answers.ONCE_MORE, "gave up after 2"),
        ],
        praise="Sending the same message again does no harm: it keeps its id, and a job that is "
        "idempotent may come twice.",
    ),
    "certain": Exercise(
        "Write `certain(broker, message)`, which sends the message and returns True if the job "
        "would be there even if the master died at that very moment. Where it cannot be sure "
        "within a second or so, it returns False.",
        check=check_certain,
        hints=[
            "Who has to have the job, so that it survives the master? And whom do you ask whether "
            "that one has it?",
            "Reading it back asks the master. That a replica is connected says that it could have "
            "it. Redis has a command that waits for just this, and labkit a setting.",
            "`broker.wait_replicas = 1` lets `enqueue` wait for one replica, and raise "
            "`RedisUnavailable` where none answers.",
        ],
        setup=answers.CERTAIN_SETUP,
        stub=answers.CERTAIN_STUB,
        given=["certain"],
        solution=answers.CERTAIN,
        also_correct=answers.CERTAIN_OTHERWISE,
        wrong=[
            (answers.ACCEPTED, "this one server has it"),
            (answers.READ_BACK, "read the job back", "read_back"),
            (answers.CONNECTED, "connected, and stopped", "connected"),
            (answers.NO_END, "without an end"),
            (answers.NOT_SENT, "was it sent"),
        ],
        praise="Nearly: of two replicas Sentinel may choose the one that has it not. Who must not "
        "lose a job at any price takes RabbitMQ’s quorum queues; docs/scale.md says when.",
    ),
}

CHAPTER = Chapter(
    number="11",
    title="Beyond one machine",
    minutes=55,
    mirrors="Heroku dynos, production settings",
    needs=("03", "09"),
    predictions=PREDICTIONS,
    exercises=EXERCISES,
    quiz=QUIZ,
    misconceptions=MISCONCEPTIONS,
    in_class=IN_CLASS,
)
