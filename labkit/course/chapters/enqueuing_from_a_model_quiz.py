"""The quiz of chapter 06, its misconceptions, and notes for teachers."""

from __future__ import annotations

from collections.abc import Sequence

from labkit.course.misconception import Misconception
from labkit.course.quiz import Question

MISCONCEPTIONS = {
    "object": Misconception(
        "The job can be given the task itself: it is all one program.",
        "Draw two boxes, the process that sends and the process that runs, and a sheet of paper "
        "between them. What can be written on the paper?",
    ),
    "letters": Misconception(
        "`str()` makes text of anything, and the job makes the thing again.",
        "Let the room run `set(str({'a', 'b'}))`, and count what comes out.",
    ),
    "point": Misconception(
        "A price is a number with a point.",
        "`Decimal(19.9)` in a cell says what the computer keeps. Then ask for `0.1 + 0.2`.",
    ),
    "inserted": Misconception(
        "A row that is inserted is there for everybody.",
        "Two cells with a session each: insert and `flush()` in one block, and count in the other "
        "before the first block ends.",
    ),
    "delay": Misconception(
        "A short delay cures the race.",
        "Ask how long the longest transaction of their application takes. Who says so?",
    ),
    "rollback": Misconception(
        "A rollback takes back everything that the block did.",
        "List what the block did in two columns, the database's and Redis's. Whose rollback is it?",
    ),
}

IN_CLASS = (
    "How many jobs miss their task in section 6 differs from machine to machine. Collect the "
    "numbers of the room on the board: that nobody could have foretold them is the lesson.",
    "Who makes tasks in the web page while cells run has other ids than the neighbour. Nothing "
    "breaks; say so before somebody starts anew.",
    "A task that sends no job was mostly made by a process that has not loaded the hook: a kernel "
    "that was restarted, where the cell with the import was not run again.",
)

QUIZ: Sequence[Question] = (
    Question(
        "Why does the hook send `task.id`, when it has the task at hand?",
        [
            (
                "It could as well send the task, which is shorter.",
                "An object of this process cannot travel to another one: `send` refuses it.",
                "object",
            ),
            (
                "The worker is another process, and finds the task as it is when the job runs.",
                "And the message stays small, and holds no personal data.",
            ),
            (
                "An id makes the job faster.",
                "It has to ask the database first. The point is that what it gets is current.",
            ),
        ],
        right=2,
    ),
    Question(
        "A hook sends a job inside the transaction. In tests all is well; in production some jobs "
        "fail with “no such task”, and succeed at the second attempt. Why?",
        [
            (
                "It cannot be the database: the row is inserted before the hook is called.",
                "Inserted, and not committed. Until then nobody else sees it.",
                "inserted",
            ),
            (
                "The job was sent twice.",
                "Once. The second attempt is the retry of the same job.",
            ),
            (
                "The worker was faster than the commit.",
                "After the retry's delay the commit is long done.",
            ),
        ],
        right=3,
    ),
    Question(
        "Somebody goes on sending inside the transaction, with `send_in(timedelta(seconds=1), …)`, "
        "and calls the race cured. What is left of it?",
        [
            (
                "Jobs that come too early when a transaction is slow, and jobs for rows that were "
                "rolled back.",
                "A commit comes when it comes, or not at all. No number of seconds says which.",
            ),
            (
                "Nothing: a second is a long time for a commit.",
                "It is, until one waits for a lock, or for a mail server.",
                "delay",
            ),
            (
                "A job that comes too early, now and then. A rollback takes its job along.",
                "A rollback is the database's own. What lies in Redis stays there.",
                "rollback",
            ),
        ],
        right=1,
    ),
    Question(
        "An invoice has the price `Decimal('19.90')` and the labels `{'home', 'garden'}`. Which "
        "arguments bring both to the job, exactly?",
        [
            (
                "`19.9` and `['home', 'garden']`",
                "`Decimal(19.9)` is a little less: the nearest number with a binary point.",
                "point",
            ),
            (
                "`'19.90'` and `['home', 'garden']`",
                "`Decimal(…)` and `set(…)` make of them what they were.",
            ),
            (
                "`'19.90'` and `\"{'home', 'garden'}\"`",
                "`set(…)` of a text is a set of its letters, quotes and brackets too.",
                "letters",
            ),
        ],
        right=2,
    ),
    Question(
        "From chapter 05: the hook calls `task_logger(task.id)` by mistake. What does a user "
        "notice?",
        [
            (
                "Nothing: the log is written all the same, a little later.",
                "It is written at once, and the user waits for it.",
            ),
            (
                "Saving a task takes longer, and fails when the log fails.",
                "The body runs in the request, as if there were no queue.",
            ),
            (
                "An error, because an actor cannot be called.",
                "It can, as an ordinary function.",
            ),
        ],
        right=2,
    ),
    Question(
        "From chapter 04: you save a new hook in `work/app/models/task.py` and import it in the "
        "notebook. Tasks from there send their job, those from the web page do not. Why?",
        [
            (
                "The web server has run since before, with the modules that it loaded then.",
                "Start it again. What is true of a worker is true of every process.",
            ),
            (
                "A hook is for the process that wrote the file.",
                "It is for every process that has loaded the file.",
            ),
            (
                "The worker has to be started again.",
                "A worker runs jobs. Whether a job is sent is decided where the task is made.",
            ),
        ],
        right=1,
    ),
)
