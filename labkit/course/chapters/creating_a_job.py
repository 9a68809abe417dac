"""Chapter 04: the generator, the first body of the learner's job, and the worker that runs it."""

from __future__ import annotations

from labkit.course.chapters import Chapter
from labkit.course.chapters import creating_a_job_checks as checks
from labkit.course.chapters import creating_a_job_export as export
from labkit.course.chapters.creating_a_job_quiz import IN_CLASS, MISCONCEPTIONS, QUIZ
from labkit.course.exercise import Exercise
from labkit.course.prediction import Prediction
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


RESCUE = "job_id = message.message_id  # of the job that is dead"

# What stands before the second exercise in the notebook.
DEAD = """\
import warnings

from labkit import Ledger, actor
from labkit.course import work
from labkit.course.lab import wait_for_state
from labkit.widgets import WorkerPanel

@actor
def whisper() -> None:
    print("psst")

panel = WorkerPanel()
worker = panel.start()
with warnings.catch_warnings(action="ignore"):
    message = whisper.send()
wait_for_state(message, "dead")
"""
WHISPER = """\
work.write("app/jobs/whisper.py", '''
from labkit import actor


@actor
def whisper() -> None:
    print("psst")
''')
"""
RESTART = "panel.stop()\nworker = panel.start()\n"
RETRY = "Ledger().retry(job_id)\n"


def _file(body: str) -> str:
    return f"{STUB}\nwork.write(job, '''\n{body}''')"


EXERCISES = {
    "shout": Exercise(
        "Make a job `shout` that takes a text and prints it in capital letters.",
        check=checks.check_shout,
        hints=[
            "`labkit generate job` makes the file, with everything in it but the argument and the "
            "body.",
            "The arguments of the function are those of `send`. Give it one, and print it with "
            "the string method that makes capitals.",
            "`work.write(job, '…')` saves a text as that file, as well as `%%work` and the editor "
            "do. The argument of the function, in its `print`, is `text.upper()`.",
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
                "folder",
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
                "returns",
            ),
            (
                _file(
                    "from labkit import actor\n\n\n@actor\n"
                    "def shout(text: str) -> None:\n    print(text)\n"
                ),
                "as it went in",
            ),
            (
                _file(
                    "from labkit import actor\n\n\n@actor\n"
                    "def shout(text: str) -> None:\n    print(text.capitalize())\n"
                ),
                "not all of its letters",
            ),
            (
                _file(
                    "from labkit import actor\n\n\n@actor\n"
                    "def shout(text: str) -> None:\n    print(text.upper)\n"
                ),
                "printed a method",
            ),
        ],
        praise=(
            "The message only named `shout`. The worker found the rest in your file: no code of "
            "yours went through Redis."
        ),
    ),
    "rescue": Exercise(
        "The job of `whisper` is dead. Make it complete: that very job, not another one.",
        check=checks.check_rescue,
        hints=[
            "Why did it die? Change that first; another attempt alone ends as the first one did.",
            "Three steps: the job must stand where workers look, a worker must have looked since, "
            "and somebody must ask for another attempt at a dead job.",
            "The last step is a method of the ledger: `Ledger().retry(…)` with the job’s id. The "
            "button **Retry** on the board does the same.",
        ],
        setup=DEAD,
        stub=RESCUE,
        given=["job_id"],
        solution=f"{RESCUE}\n{WHISPER}{RESTART}{RETRY}",
        also_correct=f"{RESCUE}\npanel.stop()\n{RETRY}{WHISPER}worker = panel.start()\n",
        wrong=[
            (f"{RESCUE}\n{RETRY}", "each time no worker knew"),
            (f"{RESCUE}\n{WHISPER}{RETRY}", "had started before that", "reload"),
            (
                f'{RESCUE}\n{WHISPER}{RESTART}wait_for_state(whisper.send(), "completed")\n',
                "another job of that name",
            ),
            (f"{RESCUE}\n{WHISPER}", "no worker takes up a dead job"),
        ],
        praise="So nothing is lost when a deployment forgets a job: mend it, restart, retry. The "
        "dead wait for a week.",
    ),
    "export": Exercise(
        "Make a job `export_csv(name, rows)` that writes `rows`, a list of lists of texts, into "
        "the file `work/exports/NAME.csv`, for a spreadsheet program. The worker may have been "
        "started in any folder, and the job may run more than once.",
        check=export.check_export,
        hints=[
            "Three things may go wrong. Where is the worker’s folder? What if the file is there "
            "already? What if a title has a comma in it?",
            "The module `csv` writes rows, and knows about commas. `__file__` is the path of the "
            "file in which your job stands, wherever the worker was started.",
            "From `work/app/jobs/export_csv.py` two folders up is `work`: "
            "`Path(__file__).parents[2]`. Make the folder `exports` there with "
            '`mkdir(exist_ok=True)`, and open the file to be written anew, `"w"`.',
        ],
        setup="from labkit.course import work",
        stub=export.STUB,
        given=["export"],
        solution=export.SOLUTION,
        also_correct=export.OTHERWISE,
        wrong=[
            (export.WHERE_I_STAND, "begins where the worker stands", "here"),
            (export.APPENDED, "two tables, one below the other", "once"),
            (export.JOINED, "may hold commas"),
            (export.RETURNED, "nobody waits for it", "returns"),
            (export.ONCE_ONLY, "ran again with another table"),
        ],
        praise="What a job leaves depends on its arguments alone, and not on how often it ran. "
        "Chapter 09 has a word for that.",
    ),
}

CHAPTER = Chapter(
    number="04",
    title="Creating a job",
    minutes=30,
    mirrors="Creating a job",
    needs=("03",),
    predictions=PREDICTIONS,
    exercises=EXERCISES,
    quiz=QUIZ,
    misconceptions=MISCONCEPTIONS,
    in_class=IN_CLASS,
)
