"""Chapter 10's quiz, the misconceptions behind its answers, and what helps in class."""

from __future__ import annotations

from collections.abc import Sequence

from labkit.course.misconception import Misconception
from labkit.course.quiz import Question

MISCONCEPTIONS = {
    "names_run": Misconception(
        "A function that is handed to a queue is run by handing it over.",
        "Have somebody write `queue.enqueue(job(7))` with a print in the job, and ask in which "
        "window the line appears, and what was enqueued.",
    ),
    "one_queue": Misconception(
        "A job belongs to the queue system that it was first written for.",
        "Show `task_logger.fn` once more, and let them find the word of Dramatiq in it. Then ask "
        "who decides where a job goes: the function, or whoever sends it.",
    ),
    "same_database": Misconception(
        "What is written to the same database belongs to the same transaction.",
        "Open two terminals on one database, `BEGIN` and `INSERT` in one, `SELECT` in the other. "
        "A transaction belongs to a connection.",
    ),
    "two_commits": Misconception(
        "Two transactions, one right behind the other, are as good as one.",
        "Draw both commits on a line, and let somebody cut it between them. That is the moment "
        "at which the power fails.",
    ),
    "looking_is_taking": Misconception(
        "Whoever sees a free job first has it.",
        "Two people read the same list on the wall, at the same time, and both go to do the first "
        "errand on it. Ask what must hang beside the list.",
    ),
    "mark_is_enough": Misconception(
        "A job that is marked as taken is safe.",
        "Ask who takes the mark away when its worker is dead, and how they know that it is dead. "
        "Then show Procrastinate’s rows that stay `doing`.",
    ),
}

IN_CLASS = (
    "The first start of PostgreSQL takes some seconds on a slow machine. Let everybody run the "
    "first three cells while you talk about the table at the top.",
    "On Binder two packages are installed by the first cell, which takes half a minute; in a room "
    "without a network they must be there before (`make offline` takes them along).",
    "People argue about which queue is the best. Ask for their application first: does it have "
    "Redis anyway, how many jobs a second, and may a job be missing?",
    "Section 6 holds a lock while it kills. Whoever interrupts that cell in the middle runs it "
    "again from the three starts of workers above.",
)

QUIZ: Sequence[Question] = (
    Question(
        "A job sometimes crashes in a C library and takes its process along. In which kind of "
        "queue does that harm no other job?",
        [
            (
                "In one with threads, as Sidekiq’s and Dramatiq’s",
                "All threads of a process die with it; their jobs have to be run again.",
            ),
            (
                "In one that forks for each job, as Resque’s and RQ’s",
                "The worker sees its child end, and takes the next job.",
            ),
            (
                "In one that keeps its jobs in a database, as Delayed Job’s",
                "Where a job is kept says nothing about the process that runs it.",
            ),
        ],
        right=2,
    ),
    Question(
        "A queue has its table in the application’s database, and a job is enqueued inside the "
        "transaction. When can a worker see it before the task’s row is there?",
        [
            (
                "Never, if it is written on the transaction’s own connection",
                "Both become visible at one instant.",
            ),
            (
                "Never: it is the same database",
                "On a connection of its own it is committed at once.",
                "same_database",
            ),
            (
                "Whenever the transaction has more to do, as in chapter 06",
                "That is so where the job goes to Redis.",
            ),
        ],
        right=1,
    ),
    Question(
        "Two workers poll one table. What keeps them from doing the same job?",
        [
            (
                "They poll at different moments",
                "Sooner or later they do not.",
                "looking_is_taking",
            ),
            (
                "A column `taken`, which each sets when it begins",
                "Both may read it before either has set it. And who takes it back from the dead?",
                "mark_is_enough",
            ),
            (
                "A lock on the row, which the other passes over",
                "`FOR UPDATE SKIP LOCKED`: it goes with its transaction, however that ends.",
            ),
        ],
        right=3,
    ),
    Question(
        "An application uses one interface over all queues, and is now set to Procrastinate. What "
        "has it gained?",
        [
            (
                "All that Procrastinate can, for it is what runs behind it",
                "It can be asked only for what the interface knows.",
            ),
            (
                "That its jobs can be moved to another queue without being changed",
                "That is what an interface is for: for what all of them can.",
            ),
            (
                "That its jobs are in its transactions",
                "The interface has no way to say on which connection.",
                "same_database",
            ),
        ],
        right=2,
    ),
    Question(
        "From chapter 06: what has to be sent along with a job, in Dramatiq, in RQ and in "
        "Procrastinate?",
        [
            (
                "The task’s id",
                "The job looks the task up when it runs, and finds it as it is then.",
            ),
            (
                "The task itself, where the queue can pickle it",
                "It would arrive as it was when it was sent, without its database.",
            ),
            (
                "The result of the function, called with the task’s id",
                "Then there would be nothing left to do.",
                "names_run",
            ),
        ],
        right=1,
    ),
    Question(
        "From chapter 09: there an outbox had to be written, with a relay. Which of these needs "
        "none?",
        [
            (
                "RQ, because its worker forks",
                "The fork comes long after the job was sent to Redis.",
                "one_queue",
            ),
            (
                "Dramatiq, if the job is sent right behind the commit",
                "Between the two, the process may die.",
                "two_commits",
            ),
            (
                "Procrastinate, on the connection of the transaction",
                "Its table is the outbox, and its worker the relay.",
            ),
        ],
        right=3,
    ),
)
