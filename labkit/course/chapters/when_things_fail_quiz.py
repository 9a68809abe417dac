"""The quiz of chapter 09, its misconceptions, and notes for teachers."""

from __future__ import annotations

from collections.abc import Sequence

from labkit.course.misconception import Misconception
from labkit.course.quiz import Question

MISCONCEPTIONS = {
    "counts_runs": Misconception(
        "`max_retries=3` means that the job is run three times.",
        "Have them read the attempts of the dead letter in section 2 aloud, and count.",
    ),
    "retries_mend": Misconception(
        "If it fails, it will work when it is tried again.",
        "Let the room sort errors into two heaps: those that time heals, and those that need a "
        "person. A wrong title is in the second.",
    ),
    "looks_first": Misconception(
        "A job that first looks whether it was done is safe to run twice.",
        "Two people play workers: both look at the empty board, both turn round, both write. Then "
        "ask who could have refused the second line.",
    ),
    "new_key": Misconception(
        "Whoever makes a random key for each run cannot pay twice.",
        "Write down the key of the first delivery and that of the second. Who could tell that they "
        "mean the same order?",
    ),
    "block_covers": Misconception(
        "What stands inside the transaction’s block is undone with it.",
        "Section 8: the block is rolled back, and the board still has the job. Ask which of the "
        "two systems was told of the rollback.",
    ),
    "forgets_first": Misconception(
        "It is safer to note that something was sent before it is sent.",
        "Draw the two steps, and let somebody cut the line between them. What is left in each "
        "order: too much, or nothing?",
    ),
}

IN_CLASS = (
    "A kill is noticed after three to five seconds, and in that time nothing moves on the board. "
    "Say so before section 4, or everybody runs the cell again.",
    "The Redis of this chapter is thrown away with the kernel. Whoever restarts the kernel in the "
    "middle begins again at the top, and loses nothing but the jobs.",
    "The outbox takes longest. Let pairs first say in words what must be true after a rollback, "
    "and after a relay that died; the code is then ten lines.",
)

QUIZ: Sequence[Question] = (
    Question(
        "A job has `max_retries=3` and fails each time with the same `KeyError`. What do you find "
        "the next morning?",
        [
            (
                "A dead letter with three attempts.",
                "Three retries come after the first run.",
                "counts_runs",
            ),
            (
                "A job that has worked in the end: that is what retries are for.",
                "Time does not mend a program. Retries are for what is away for a while.",
                "retries_mend",
            ),
            (
                "A dead letter with four attempts and their tracebacks.",
                "Mend the program, and `Ledger().retry(id)` runs it again.",
            ),
        ],
        right=3,
    ),
    Question(
        "A worker is killed with -9 right after the body of a job has ended. What becomes of the "
        "job?",
        [
            (
                "Nothing more: its body has ended.",
                "The worker had not yet told Redis, for which the job is still running.",
            ),
            (
                "It is run once more, by another worker.",
                "At least once means: once, and now and then twice.",
            ),
            (
                "It becomes a dead letter.",
                "Only a job that has failed too often does, or that kills worker after worker.",
            ),
        ],
        right=2,
    ),
    Question(
        "The same payment is delivered to two workers at the same moment. Which one of these keeps "
        "the customer from paying twice?",
        [
            (
                "Each looks first whether there is a payment for that order.",
                "Both look before either has written.",
                "looks_first",
            ),
            (
                "Each gives its payment a random key, in a column that is unique.",
                "Two keys that differ are refused by nobody.",
                "new_key",
            ),
            (
                "The payment’s order number stands in a column that is unique.",
                "The database refuses the second, whoever comes when.",
            ),
        ],
        right=3,
    ),
    Question(
        "A relay takes rows out of the outbox. In which order should it work, if it may die at any "
        "moment?",
        [
            (
                "Enqueue, then delete the row.",
                "At worst the message is sent again, and its id tells that it was.",
            ),
            (
                "Delete the row, then enqueue.",
                "Between the two, the job is in neither place.",
                "forgets_first",
            ),
            (
                "Either: the database undoes what was not finished.",
                "It undoes what it did itself. It has no say in Redis.",
                "block_covers",
            ),
        ],
        right=1,
    ),
    Question(
        "From chapter 06: a job is sent inside the transaction, with an outbox in between. The "
        "transaction is rolled back. What does a worker get?",
        [
            (
                "A job for a row that never was, as in chapter 06.",
                "There it was sent to Redis. Here it was written into the database.",
            ),
            (
                "Nothing: the outbox’s row went with the rest.",
                "That is the point of writing both in one transaction.",
            ),
            (
                "The job, as soon as the relay runs.",
                "The relay finds no row of it.",
            ),
        ],
        right=2,
    ),
    Question(
        "From chapter 08: while a job waits for its third attempt, somebody runs `redis-cli -n 12 "
        "flushdb`. And the outbox?",
        [
            (
                "It sends the job again, for it is the job’s second home.",
                "Its row was deleted when the job had been sent.",
            ),
            (
                "It has nothing to say: the job was delivered to Redis, and Redis was emptied.",
                "An outbox sees to the way into Redis. What is cleared there is gone.",
            ),
            (
                "It was emptied as well.",
                "It is a table of the database, which no `flushdb` reaches.",
            ),
        ],
        right=2,
    ),
)
