"""The quiz of chapter 11, its misconceptions, and notes for teachers."""

from __future__ import annotations

from collections.abc import Sequence

from labkit.course.misconception import Misconception
from labkit.course.quiz import Question

MISCONCEPTIONS = {
    "any_database": Misconception(
        "The number at the end of a Redis address does not matter.",
        "Let one half of the room send to `/0` and the other look into `/12`. Nothing fails, and "
        "nothing runs: ask how long it would take them to notice.",
    ),
    "plain": Misconception(
        "A password goes into an address as it is.",
        "Write an address with the password `a@b` on the board, and ask each where the server’s "
        "name begins.",
    ),
    "every_error": Misconception(
        "Whatever a send raises, trying again may help.",
        "Collect on the board what a send can raise, and sort it: which of these will be otherwise "
        "in ten seconds?",
    ),
    "quietly": Misconception(
        "If a job cannot be sent, it is best not to bother anybody.",
        "Ask who finds out, and when: the customer whose letter never came, a month later.",
    ),
    "read_back": Misconception(
        "What I can read back is safe.",
        "Draw two servers and a broken line. Who answers when you read? And who will be left?",
    ),
    "connected": Misconception(
        "A replica that is connected has everything.",
        "Somebody sleeps on the telephone: the line is open. Has he heard what was said?",
    ),
}

IN_CLASS = (
    "Some seven servers run on each machine here, all small. On a weak one let pairs share, and "
    "close other notebooks first.",
    "Where there is no PostgreSQL, or a redis-server without TLS, two sections say so and are left "
    "out; nothing later needs them.",
    "The third exercise is about one sentence: accepted is not replicated. Let them first break "
    "their own answer by hand, with `pair.freeze()`.",
)

QUIZ: Sequence[Question] = (
    Question(
        "The web server’s `REDIS_URL` ends with `/0`, that of the workers with `/3`. Nothing else "
        "differs. What do you see?",
        [
            (
                "An error at the first send.",
                "Both addresses are good ones. Each finds its database.",
            ),
            (
                "Jobs that wait, workers that wait, and no error anywhere.",
                "The guide’s two commands do just that to each other.",
            ),
            (
                "Nothing: it is the same server.",
                "A queue lives in one database. The same name in another is another queue.",
                "any_database",
            ),
        ],
        right=2,
    ),
    Question(
        "A password is `50%@home`. Which address works?",
        [
            (
                "`redis://ann:50%25%40home@cache:6379/0`",
                "`%` is written `%25`, and `@` is written `%40`.",
            ),
            (
                "`redis://ann:50%@home@cache:6379/0`",
                "With luck, and not with every library. With a `/` in it, with none.",
                "plain",
            ),
            (
                "`redis://ann@cache:6379/0`, for passwords do not belong into an address",
                "Then Redis asks for one, and refuses. They do not belong into a file that is "
                "committed, or into a log.",
            ),
        ],
        right=1,
    ),
    Question(
        "A master dies while its replica follows within a millisecond. Sentinel makes the replica "
        "the master. Which jobs may be lost?",
        [
            (
                "None: whoever sent a job could have read it back at once.",
                "From the master, which is dead.",
                "read_back",
            ),
            (
                "None: the replica was connected all the time.",
                "What came in the last millisecond may have been on its way.",
                "connected",
            ),
            (
                "At most the last that were accepted.",
                "Replication is a stream: its end may be missing, and never its middle.",
            ),
        ],
        right=3,
    ),
    Question(
        "A web request creates an order and sends its job. Redis is failing over. What should the "
        "request do?",
        [
            (
                "Try for a few seconds; and then say that it did not work, or leave the job in an "
                "outbox.",
                "Two good ends, and both are honest.",
            ),
            (
                "Catch the error and answer *Thank you*.",
                "Nobody will ever ship it.",
                "quietly",
            ),
            (
                "Catch every exception and try again until it works.",
                "An argument that is no JSON will be none in an hour, and the customer waits.",
                "every_error",
            ),
        ],
        right=1,
    ),
    Question(
        "From chapter 03: a worker has ten threads, and its pool has four connections. Thirty such "
        "workers share a Redis. What does it have to bear?",
        [
            (
                "300 connections for commands: one a thread.",
                "A thread that needs one while all are taken waits for a moment.",
            ),
            (
                "120 connections for commands, and some with which the workers wait for jobs.",
                "The pool is the bound, whatever the number of threads.",
            ),
            (
                "30: one a process.",
                "A process opens as many as it needs, up to its pool’s size.",
            ),
        ],
        right=2,
    ),
    Question(
        "From chapter 09: a worker loses its network while it runs a job, and its network comes "
        "back when another worker has run the job to its end. What happens?",
        [
            (
                "The job ends twice in the records.",
                "It was given up, and what it says afterwards changes nothing.",
            ),
            (
                "Its body may have run twice, and its record ends once.",
                "At least once: that a second run does no harm is the job’s own business.",
            ),
            (
                "The job runs a third time.",
                "Nobody asks for that: it is done.",
            ),
        ],
        right=2,
    ),
)
