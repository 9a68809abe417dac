"""Chapter 04: the generator, the first body of the learner's job, and the worker that runs it."""

from __future__ import annotations

from collections.abc import Sequence

from labkit.course.chapters import Chapter
from labkit.course.chapters.creating_a_job_checks import check_shout
from labkit.course.exercise import Exercise
from labkit.course.prediction import Prediction
from labkit.course.quiz import Question
from labkit.ledger.records import JobState

PREDICTIONS = {
    "again": Prediction(
        "You have changed the file. Then you run `labkit generate job task_logger` once more. What "
        "becomes of your change?",
        [
            (
                "It is gone: the file is written anew",
                lambda before, after, said: before != after,
                "A generator that does that is used once, and feared afterwards.",
            ),
            (
                "It stays, and the command says so",
                lambda before, after, said: before == after and "task_logger.py" in said,
            ),
            (
                "It stays, and the command says nothing",
                lambda before, after, said: before == after and "task_logger.py" not in said,
                "Then you could not tell whether it did anything.",
            ),
        ],
        "A file that is there is yours. So the command can be repeated without a thought.",
    ),
    "restart": Prediction(
        "A worker is running. You change the file of the job, save it, and send a job. Which text "
        "does the worker print?",
        [
            (
                "The new one: the file is read for each job",
                lambda line: "changed" in line,
                "Python reads a module once in a process, when it is imported.",
            ),
            (
                "The old one",
                lambda line: line.endswith("is performed"),
            ),
            (
                "None: the job fails, because the file is not the same any more",
                lambda line: "is performed" not in line,
                "The worker does not look at the file again, so it notices nothing.",
            ),
        ],
        "So a new body needs a new worker. In production this is why a deployment restarts them.",
    ),
    "cell": Prediction(
        "An actor is declared in a cell of this notebook only, and a worker is running. You send "
        "the actor a job. What becomes of it?",
        [
            (
                "The worker runs it: the message says what to do",
                lambda state: state is JobState.COMPLETED,
                "The message has a name in it, and the worker knows no function of that name.",
            ),
            (
                "It waits until a worker comes that knows it",
                lambda state: state in (JobState.ENQUEUED, JobState.RUNNING, JobState.RETRYING),
                "A worker takes what is in the queue, and sees only then what it is.",
            ),
            ("The worker takes it and gives it up", lambda state: state is JobState.DEAD),
        ],
        "That is why a job is a file: sender and worker must both be able to import it. labkit "
        "warns when you send; `work/app/jobs/` is where the file belongs.",
    ),
}

STUB = 'job = "app/jobs/shout.py"  # generate it in a cell of your own, then edit the file'


def _file(body: str) -> str:
    return f"{STUB}\nwork.write(job, '''\n{body}''')"


EXERCISES = {
    "shout": Exercise(
        "Make a job `shout` that takes a text and prints it in capital letters.",
        check=check_shout,
        hints=[
            "`labkit generate job` makes the file, with everything in it but the argument and the "
            "body.",
            "The arguments of the function are those of `send`. Give it one, and print it with "
            "the string method that makes capitals.",
        ],
        setup="from labkit.course import work",
        stub=STUB,
        given=["job"],
        solution=_file(
            "from labkit import actor\n\n\n@actor\n"
            "def shout(text: str) -> None:\n    print(text.upper())\n"
        ),
        also_correct=_file(
            "import dramatiq\n\nimport labkit.jobs\n\n\n"
            '@dramatiq.actor(actor_name="shout")\n'
            'def loud(text="", **rest):\n    print("%s" % text.swapcase())\n'
        ),
        wrong=[
            (
                _file("def shout(text: str) -> None:\n    print(text.upper())\n"),
                "no actor `shout`",
            ),
            (
                _file(
                    "from labkit import actor\n\n\n@actor\n"
                    "def shout() -> None:\n    print('HELLO')\n"
                ),
                "does not take the text",
            ),
            (
                _file(
                    "from labkit import actor\n\n\n@actor\n"
                    "def shout(text: str) -> str:\n    return text.upper()\n"
                ),
                "goes nowhere",
            ),
            (
                _file(
                    "from labkit import actor\n\n\n@actor\n"
                    "def shout(text: str) -> None:\n    print(text)\n"
                ),
                "as it went in",
            ),
        ],
        praise=(
            "The message only named `shout`. The worker found the rest in your file: no code of "
            "yours went through Redis."
        ),
    ),
}

QUIZ: Sequence[Question] = (
    Question(
        "What makes a Python function a job?",
        [
            (
                "It stands in the folder `work/app/jobs/`",
                "The folder is where a worker looks. A plain function in it stays a function.",
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
        "Where does the text appear that a job prints?",
        [
            (
                "In the window, or the log, of the worker",
                "The worker runs the function, so the text is its output.",
            ),
            (
                "In the cell that sent the job",
                "That cell was done long before. It has no connection to the worker.",
            ),
            (
                "In the message in Redis",
                "A message holds a name and arguments, and it is gone after the job.",
            ),
        ],
        right=1,
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

CHAPTER = Chapter(
    number="04",
    title="Creating a job",
    minutes=20,
    mirrors="Creating a job",
    needs=("03",),
    predictions=PREDICTIONS,
    exercises=EXERCISES,
    quiz=QUIZ,
)
