"""Chapter 00: one prediction, one exercise and two questions, to show how a chapter goes."""

from __future__ import annotations

from typing import Any

from labkit.course.chapters import Chapter
from labkit.course.exercise import Exercise, Wrong
from labkit.course.prediction import Prediction
from labkit.course.quiz import Question
from labkit.ledger.reader import Ledger
from labkit.ledger.records import JobState


def _state(job: Any) -> JobState:
    """The state that was read is passed on as it is; of a record it is its ``state``."""
    return JobState(getattr(job, "state", job))


def check_counts(counts: Any) -> None:
    """The learner's counts against the ledger's own."""
    if callable(counts):
        raise Wrong(
            "`counts` is the method itself, not what it answers: call it, with `()` at its end"
        )
    if isinstance(counts, list):
        raise Wrong(
            "`counts` is a list of jobs, of one state. Another question of the ledger answers for "
            "all states at once"
        )
    if isinstance(counts, int):
        raise Wrong("`counts` is one number, and there is a number for each state: a dictionary")
    if counts != Ledger().counts():
        raise Wrong(
            "`counts` is not what Redis holds now: ask the ledger rather than write it down"
        )


CHAPTER = Chapter(
    number="00",
    title="Start here",
    minutes=10,
    predictions={
        "waiting": Prediction(
            "You send a job, and no worker runs. Where is the job a moment later?",
            [
                (
                    "It has run: sending a job runs it",
                    lambda job: _state(job) is JobState.COMPLETED,
                    "Sending puts a job down; a worker, another process, picks it up.",
                ),
                (
                    "It waits in Redis",
                    lambda job: not _state(job).is_final,
                ),
                (
                    "It is lost, because nobody was there to take it",
                    lambda job: _state(job) in (JobState.DEAD, JobState.CANCELLED),
                    "Redis keeps it for as long as it takes until a worker comes.",
                ),
            ],
            why="A queue exists so that the one who asks and the one who does the work need not be "
            "there at the same time.",
        ),
    },
    exercises={
        "counts": Exercise(
            prompt="Ask the ledger how many jobs are in each state, and keep it in `counts`.",
            check=check_counts,
            hints=[
                "The ledger answers questions about jobs. One of its methods is named after what "
                "you want to know.",
                "Write `Ledger().` and press Tab. You want the method that counts.",
            ],
            setup="from labkit import JobState, Ledger",
            stub="counts = ...  # ask the ledger here",
            given=["counts"],
            solution="counts = Ledger().counts()",
            also_correct=(
                "ledger = Ledger()\n"
                "counts = {state: len(ledger.jobs(state, limit=1000)) for state in JobState}"
            ),
            wrong=[
                ("counts = Ledger().counts", "call it"),
                ("counts = Ledger().jobs('enqueued')", "a list of jobs"),
                ("counts = 1", "a number for each state"),
                ("counts = {'enqueued': 99}", "rather than write it down"),
            ],
            praise="Every state is there, also those with no job in them.",
        ),
    },
    quiz=[
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
    ],
)
