"""Chapter 00: three small predictions and exercises, and a quiz, to show how a chapter goes."""

from __future__ import annotations

from typing import Any

from labkit.course.chapters import Chapter
from labkit.course.chapters.start_here_checks import check_counts, check_left, check_sent
from labkit.course.chapters.start_here_quiz import QUIZ
from labkit.course.exercise import Exercise
from labkit.course.misconception import Misconception
from labkit.course.prediction import Prediction
from labkit.ledger.records import JobState


def _state(job: Any) -> JobState:
    """The state that was read is passed on as it is; of a record it is its ``state``."""
    return JobState(getattr(job, "state", job))


PREDICTIONS = {
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
    "fresh": Prediction(
        'The job waits. Now `fresh("00")` is run once more, as when somebody begins the chapter '
        "again. What does Redis know of the job then?",
        [
            (
                "It waits, as before",
                lambda job: job is not None and not _state(job).is_final,
                "That is what happens when you only restart the kernel: Redis is another process.",
            ),
            (
                "It is there, and marked as cancelled",
                lambda job: job is not None and _state(job).is_final,
                "Cancelling is for one job that is not wanted any more. Its record stays.",
            ),
            ("Nothing", lambda job: job is None),
        ],
        why="`fresh` removes the course's jobs with everything that is known of them. A chapter "
        "so begins the same each time. What you write into `work/`, and your marks, stay.",
    ),
    "twice": Prediction(
        "You send the very same job twice: the same function, the same argument. How many jobs "
        "wait then?",
        [
            (
                "One: the second is the same job",
                lambda waiting: waiting == 1,
                "The two look alike, and each has an id of its own.",
            ),
            ("Two", lambda waiting: waiting >= 2),
            (
                "None: the second is refused with an error",
                lambda waiting: waiting == 0,
                "A queue does not compare. It takes what it is given.",
            ),
        ],
        why="Whoever presses a button twice gets two e-mails, unless somebody takes care. "
        "Chapter 09 takes care.",
    ),
}

LEFT = "from labkit import JobState, Ledger\n"

EXERCISES = {
    "sent": Exercise(
        "Send the job `task_logger` for task number 2, and keep what `send` returns in `sent`.",
        check=check_sent,
        hints=[
            "Above, the same was done for task number 1, and the result was kept in `message`.",
            "Write the name of the job, a dot, the method that sends, and the number of the task "
            "between `(` and `)`.",
        ],
        setup="from labkit.jobs import task_logger",
        stub="sent = ...  # send the job here",
        given=["sent"],
        solution="sent = task_logger.send(2)",
        also_correct="sent = task_logger.send_with_options(kwargs={'task_id': 2}).message_id",
        wrong=[
            ("sent = task_logger.send", "Nothing was called", "naming"),
            ("sent = task_logger.message(2)", "until somebody sends it", "made"),
            ("sent = task_logger.send(1)", "not for task 2"),
            ("sent = print(task_logger.send(2))", "nothing came back"),
            ("sent = task_logger.send_many([(2,)])", "is a list"),
            ("sent = 2", "what `send` returned"),
        ],
        praise="You got a message back, with an id, and not the result: nobody has run it yet.",
    ),
    "counts": Exercise(
        "Ask the ledger how many jobs are in each state, and keep its answer in `counts`.",
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
            ("counts = Ledger().counts", "call it", "naming"),
            ("counts = Ledger().jobs('enqueued')", "a list of jobs"),
            ("counts = 1", "a number for each state"),
            ("counts = {'enqueued': 99}", "rather than write it down", "typed"),
            ("counts = print(Ledger().counts())", "does not hand it on"),
            ("counts = list(Ledger().counts().values())", "kind list"),
            (
                "counts = {state: n for state, n in Ledger().counts().items() if n}",
                "with no job in them are missing",
            ),
        ],
        praise="Every state is there, also those with no job in them.",
    ),
    "left": Exercise(
        "Write `left()`: it says how many jobs are still to be done, whenever it is asked.",
        check=check_left,
        hints=[
            "`Ledger().counts()` knows all numbers. Which of the seven states are no end?",
            "Each state knows it: `JobState.DEAD.is_final` is True. Add up the numbers of those "
            "for which it is False.",
            "`counts().items()` gives pairs of a state and its number; `sum(…)` adds up what a "
            "`for` with an `if` leaves of them.",
        ],
        setup=LEFT,
        stub="def left():\n    return ...",
        given=["left"],
        solution=(
            "def left():\n"
            "    counts = Ledger().counts()\n"
            "    return sum(n for state, n in counts.items() if not state.is_final)"
        ),
        also_correct=(
            "def left():\n"
            "    counts = Ledger().counts()\n"
            "    ended = counts['completed'] + counts['dead'] + counts['cancelled']\n"
            "    return sum(counts.values()) - ended"
        ),
        wrong=[
            (
                "counts = Ledger().counts()\n\n\n"
                "def left():\n"
                "    return counts['enqueued'] + counts['scheduled']",
                "does not follow Redis",
                "stale",
            ),
            (
                "def left():\n    return Ledger().counts()['enqueued']",
                "is still to be done",
                "later",
            ),
            ("def left():\n    return sum(Ledger().counts().values())", "are an end", "ended"),
            (
                "def left():\n"
                "    counts = Ledger().counts()\n"
                "    return counts['enqueued'] + counts['scheduled']",
                "waits for its next attempt",
            ),
            ("left = Ledger().counts()['enqueued']", "is no function"),
            ("def left():\n    print(Ledger().counts()['enqueued'])", "`return` hands it out"),
        ],
        praise="Keep it: in any chapter it tells whether the workers have caught up.",
    ),
}

MISCONCEPTIONS = {
    "naming": Misconception(
        "Naming a method is enough to do it.",
        teacher="Let the cell show `task_logger.send` without and with its parentheses, one below "
        "the other, and look at the board after each.",
    ),
    "made": Misconception(
        "A message is on its way as soon as it exists.",
        teacher="`task_logger.message(2)` makes one and the board stays as it is: a letter that "
        "was written and not posted.",
    ),
    "typed": Misconception(
        "A check compares what I typed with a stored answer.",
        teacher="Ask two people with different code to run the check: both pass. It looks at what "
        "is in Redis now, so a number copied from the board is wrong a minute later.",
    ),
    "stale": Misconception(
        "What I have read once stays true.",
        teacher="Print the counts, send a job, print the same name again. Then ask where the "
        "question to Redis stands, and when it is asked.",
    ),
    "later": Misconception(
        "A job for later is made later.",
        teacher="Send one for tomorrow with `send_in` and find it on the board, scheduled. "
        "Chapter 05 is about that.",
    ),
    "ended": Misconception(
        "A job that has ended is gone, so all that is counted is still to be done.",
        teacher="Go through the seven states on the board and let the room say of each whether a "
        "worker will ever touch it again.",
    ),
}

CHAPTER = Chapter(
    number="00",
    title="Start here",
    minutes=15,
    predictions=PREDICTIONS,
    exercises=EXERCISES,
    quiz=QUIZ,
    misconceptions=MISCONCEPTIONS,
    in_class=(
        "Somebody runs the cells without choosing an option first. Nothing is lost: run the "
        "question’s cell again and choose, then the two below it.",
        "A machine without a Redis says so in the very first cell, with three ways to get one. "
        "`labkit room` on the day before spares you that.",
        "Newcomers to notebooks run cells out of order, or twice. Show once, at the beginning, "
        "*Run › Run All Above Selected Cell*.",
    ),
)
