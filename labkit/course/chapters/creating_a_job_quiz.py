"""The quiz of chapter 04, its misconceptions, and notes for teachers."""

from __future__ import annotations

from collections.abc import Sequence

from labkit.course.misconception import Misconception
from labkit.course.quiz import Question

MISCONCEPTIONS = {
    "folder": Misconception(
        "A function in the folder of jobs is a job.",
        "Take the decorator away and send by name: the worker has read the file, and knows nobody "
        "of that name.",
    ),
    "returns": Misconception(
        "What a job returns reaches whoever sent it.",
        "Ask at which moment `send` came back, and whether the body had begun by then.",
    ),
    "reload": Misconception(
        "A worker reads a job’s file each time it runs the job.",
        "Section 4 shows it. Let them change the body twice more, and say before each send which "
        "text will come.",
    ),
    "here": Misconception(
        "A job runs in the folder in which I sent it.",
        "Print `Path.cwd()` in a job, and start the worker in a terminal in the home folder.",
    ),
    "once": Misconception(
        "A job runs exactly once.",
        "Ask what the next worker should do with a job whose worker was killed: it cannot know how "
        "far that one had come. Chapter 09 does it for real.",
    ),
}

IN_CLASS = (
    "Files that are edited in JupyterLab’s editor and not saved are the commonest trouble: the "
    "tab has a dot in place of the cross until Ctrl-S.",
    "An exercise’s file with a mistake in it keeps every later worker from starting. The check "
    "says what Python said of it; move the file out of `work/app/jobs/` to go on.",
    "`04.rescue` wants three steps in an order. Let the room say the order, and why each other one "
    "fails, before anybody types.",
)

QUIZ: Sequence[Question] = (
    Question(
        "What makes a Python function a job?",
        [
            (
                "It stands in the folder `work/app/jobs/`",
                "The folder is where a worker looks. A plain function in it stays a function.",
                "folder",
            ),
            ("The decorator `@actor`", "It gives the function a name to be sent by, and `send`."),
            (
                "It derives from a class ApplicationJob",
                "Neither the guide, which removes that class, nor Dramatiq needs one.",
            ),
        ],
        right=2,
    ),
    Question(
        "You changed a job’s body and saved the file. What must happen before the worker runs the "
        "new body?",
        [
            (
                "Nothing: it reads the file when a job comes",
                "It has read it once, when it started.",
                "reload",
            ),
            (
                "The queue must be cleared",
                "No code is in the queue. Jobs that wait will run with whatever body the worker "
                "has.",
            ),
            ("The worker must be started again", "Then it imports the file as it is now."),
        ],
        right=3,
    ),
    Question(
        "The body of `shout` ends with `return text.upper()`. What is `answer` after "
        "`answer = shout.send('hello')`?",
        [
            (
                "`'HELLO'`",
                "The body has not even begun when `send` comes back.",
                "returns",
            ),
            (
                "The message, with the id of the job",
                "It is a receipt. What the body returns goes nowhere, unless it is written down.",
            ),
            (
                "None, until the worker has filled it in",
                "No name in this notebook is changed by another process.",
            ),
        ],
        right=2,
    ),
    Question(
        "A job writes `open('report.csv', 'w')`. You send it from a notebook; the worker was "
        "started in a terminal, in your home folder. Where is the file?",
        [
            (
                "Beside the notebook",
                "The notebook has sent a name and arguments, and no place.",
                "here",
            ),
            ("In the home folder", "A path without a beginning begins where the worker stands."),
            (
                "Beside the job, in `work/app/jobs/`",
                "Where the code stands does not matter, unless it asks for it: `__file__`.",
            ),
        ],
        right=2,
    ),
    Question(
        "From chapter 02: what a worker has taken is held until it is done, and given back when "
        "the worker dies. A job appends a line to a file, and its worker is killed right after "
        "that, before it could say that it was done. How often will the line be there?",
        [
            (
                "Once: a job runs once",
                "It runs at least once. Nobody can tell from outside that the line was written.",
                "once",
            ),
            (
                "Twice: the job is given back, and runs again",
                "So a job is written such that a second run does no harm.",
            ),
            (
                "Never: what a killed worker did is undone",
                "A file that was written stays written.",
            ),
        ],
        right=2,
    ),
    Question(
        "From chapter 03: you give `task_logger` the queue `reports`, which `labkit.toml` does not "
        "list. What happens at `send`?",
        [
            (
                "The job waits in `reports` for ever",
                "With stock Dramatiq it would. labkit knows the list and refuses.",
            ),
            (
                "An error names the queue and the file",
                "Nobody would ever look into that queue, so it is refused at once.",
            ),
            (
                "The job goes to `default` in its place",
                "Nothing is moved behind your back.",
            ),
        ],
        right=2,
    ),
)
