"""The quiz of chapter 00."""

from __future__ import annotations

from collections.abc import Sequence

from labkit.course.quiz import Question

QUIZ: Sequence[Question] = (
    Question(
        "Which two processes does a background job need?",
        [
            (
                "A web server and a database",
                "Both are common, and neither is needed: a script can send a job.",
            ),
            (
                "One that sends it, and a worker that runs it",
                "Redis stands between them and keeps the job in the meantime.",
            ),
            (
                "None: it runs in a thread of the one that sends it",
                "Then it would end with that process. A worker is a process of its own.",
            ),
        ],
        right=2,
    ),
    Question(
        "Which of these lines leaves a job in Redis?",
        [
            (
                "`task_logger.send`",
                "That names the method. Without parentheses nothing is called.",
                "naming",
            ),
            (
                "`task_logger.message(2)`",
                "That makes a message, in this process. Nobody has sent it.",
                "made",
            ),
            ("`task_logger.send(2)`", "Called with the number of the task, and it is stored."),
        ],
        right=3,
    ),
    Question(
        "What does a check look at?",
        [
            (
                "What your code did: the jobs, the rows, what a function returns",
                "So any way that leads there is right.",
            ),
            (
                "The text of your cell, next to the solution’s",
                "It never reads your cell. Two answers that do the same are both right.",
                "typed",
            ),
            (
                "Whether the cell ran without an error",
                "That comes first, and is not enough.",
            ),
        ],
        right=1,
    ),
    Question(
        "`n = Ledger().counts()['enqueued']` was 5. Since then a worker has run all five jobs. "
        "What is `n` now?",
        [
            (
                "0: it follows",
                "`n` is a number that was read once. The board follows, because it asks again.",
                "stale",
            ),
            ("5: it is what was read then", "To know more, ask the ledger again."),
            (
                "An error, because the jobs are not there any more",
                "A number does not know where it came from.",
            ),
        ],
        right=2,
    ),
    Question(
        "The ledger counts 1 scheduled, 1 enqueued, 2 completed and 1 dead job. How many are "
        "still to be done?",
        [
            (
                "1: the one that is enqueued",
                "The scheduled one is in Redis as well, and its time will come.",
                "later",
            ),
            ("2: the scheduled one and the enqueued one", "The other three have come to an end."),
            (
                "5: all that the ledger knows",
                "It also keeps what has ended: completed, dead and cancelled jobs.",
                "ended",
            ),
        ],
        right=2,
    ),
    Question(
        "You predicted something else than what happened. What now?",
        [
            (
                "Read why, and go on",
                "A prediction that missed is the moment at which you learn most.",
            ),
            (
                "Run the cell again until it comes as you said",
                "It will come the same: the cells do their work for real each time.",
            ),
            (
                "Leave the chapter, because the mark is final",
                "Nothing is closed by a mark; it only shows you where you were surprised.",
            ),
        ],
        right=1,
    ),
)
