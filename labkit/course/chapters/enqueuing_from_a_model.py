"""Chapter 06: a model's hook that sends a job, what a message can carry, and the race."""

from __future__ import annotations

from typing import Any

from dramatiq import Message

from labkit.course.chapters import Chapter
from labkit.course.chapters import enqueuing_from_a_model_checks as checks
from labkit.course.chapters import enqueuing_from_a_model_unit as unit
from labkit.course.chapters import enqueuing_from_a_model_unit_answers as answers
from labkit.course.chapters.enqueuing_from_a_model_keep import KEEP
from labkit.course.chapters.enqueuing_from_a_model_quiz import IN_CLASS, MISCONCEPTIONS, QUIZ
from labkit.course.exercise import Exercise
from labkit.course.prediction import Prediction
from labkit.errors import ArgumentNotJSON, RedisUnavailable


def _was_sent(answer: Any) -> bool:
    return isinstance(answer, Message)


PREDICTIONS = {
    "object": Prediction(
        "You send the task itself in place of its id: `task_logger.send(task)`. What happens?",
        [
            (
                "The job gets the task",
                lambda answer: _was_sent(answer) and not isinstance(answer.args[0], str),
                "The worker is another process. An object of this one cannot travel to it.",
            ),
            (
                "The job gets a text that describes the task",
                lambda answer: _was_sent(answer) and isinstance(answer.args[0], str),
                "That is what Sidekiq makes of it, and says so at most in a warning.",
            ),
            ("`send` refuses it", lambda answer: isinstance(answer, ArgumentNotJSON)),
        ],
        "A message is JSON. What JSON does not have is refused at the call, where the mistake is.",
    ),
    "renamed": Prediction(
        "A task is saved and its job is sent. Before a worker comes, the task is renamed from "
        "`Buy milk` to `Buy oat milk`. Which title does the job print?",
        [
            (
                "`Buy milk`: the job was sent before",
                lambda line: "Buy milk" in line,
                "The job holds no title. It holds an id, and looks the task up when it runs.",
            ),
            ("`Buy oat milk`", lambda line: "Buy oat milk" in line),
            (
                "None: the job fails, because the task has changed",
                lambda line: "milk" not in line,
                "A job does not know what the task was like before.",
            ),
        ],
        "With an id the job sees the task as it is. With a copy it would work on a photograph.",
    ),
    "race": Prediction(
        "The hook sends the job inside the transaction, and the transaction has more to do after "
        "that. A worker is waiting. Twenty tasks are made. How many jobs do not find their task?",
        [
            (
                "None: the row was inserted before the job was sent",
                lambda missing, of: missing == 0,
                "Inserted, yes. But nobody else sees a row before the commit.",
            ),
            ("At least one", lambda missing, of: 0 < missing <= of),
            (
                "More than twenty: each job fails again and again",
                lambda missing, of: missing > of,
                "A failed job is run again, but only after some seconds; by then the row is there.",
            ),
        ],
        "The worker looks with a connection of its own, and a connection sees what is committed. "
        "Whether it comes too early is a matter of milliseconds: that is what makes it a race.",
    ),
    "rollback": Prediction(
        "The transaction fails after the hook has sent the job, and is rolled back. What is left?",
        [
            (
                "Neither the task nor the job",
                lambda tasks, jobs: not tasks and not jobs,
                "The database takes back what it did itself. It knows nothing of Redis.",
            ),
            ("A job for a task that never was", lambda tasks, jobs: not tasks and jobs > 0),
            (
                "The task and the job",
                lambda tasks, jobs: tasks > 0,
                "A rollback does take the row back.",
            ),
        ],
        "A transaction covers one database. What was sent to Redis in the meantime stays sent.",
    ),
    "down": Prediction(
        "Redis is down while a task is committed, and the hook is `after_commit`. What is left?",
        [
            (
                "No task, and an error",
                lambda tasks, error: not tasks,
                "That is how it goes with `after_create`: its error stops the transaction.",
            ),
            (
                "The task, and an error",
                lambda tasks, error: tasks > 0 and isinstance(error, RedisUnavailable),
            ),
            (
                "The task; the job is sent when Redis is back",
                lambda tasks, error: tasks > 0 and error is None,
                "Somebody would have to keep it until then. Chapter 09 builds that: an outbox.",
            ),
        ],
        "What is committed cannot be taken back. So the error says that the job was not sent, and "
        "the row stays.",
    ),
}

EXERCISES = {
    "urgent": Exercise(
        "Only urgent tasks, whose title begins with `!`, are to be logged. Write the hook "
        "`log_urgent(task)`.",
        check=checks.check_urgent,
        hints=[
            "The hook is an ordinary function that is given a task. It may decide to do nothing.",
            "What does the job need to find the task again? Send that, and nothing else.",
            '`task.title.startswith("!")` tells the urgent ones; `.send` sends.',
        ],
        setup="from labkit.jobs import task_logger",
        stub="def log_urgent(task):\n    return ...",
        given=["log_urgent"],
        solution=checks.URGENT_SOLUTION,
        also_correct=checks.URGENT_OTHERWISE,
        wrong=[
            ("def log_urgent(task):\n    task_logger.send(task.id)", "not urgent"),
            (checks.SENDS_THE_TASK, "refused", "object"),
            (checks.CALLS, "no job was sent"),
            (checks.SENDS_THE_TITLE, "given the title"),
            (checks.SENDS_TEXT, "is the number"),
        ],
        praise="With `after_commit(Task, log_urgent)` it would be in force.",
    ),
    "carry": Exercise(
        "A reminder needs a date, a price and some labels. Put them into `arguments`, a list of "
        "three values in this order, so that they survive JSON, and the job can make of them "
        "exactly what they were: `date.fromisoformat(…)`, `Decimal(…)` and `set(…)`.",
        check=checks.check_carry,
        hints=[
            "JSON has text, numbers, true, false, null, lists and dicts. Which of these can hold "
            "each value, with nothing lost?",
            "`0.1 + 0.2` shows what numbers with a point are in Python and in JSON. Text is exact.",
            "`isoformat()` makes text of a date, `str()` of a Decimal, and `sorted()` a list of a "
            "set.",
        ],
        setup=checks.CARRY_SETUP,
        stub="arguments = ...  # three values that JSON can hold",
        given=["arguments"],
        solution="arguments = [due.isoformat(), str(price), sorted(labels)]",
        also_correct='arguments = (f"{due:%Y-%m-%d}", f"{price:f}", list(labels))',
        wrong=[
            ("arguments = [due, price, labels]", "JSON"),
            ("arguments = [str(due), float(price), list(labels)]", "19.89999", "point"),
            ("arguments = [str(due), str(price), str(labels)]", "letters", "letters"),
            ("arguments = [str(due), int(price * 100), sorted(labels)]", "out as 1990, and"),
            ('arguments = [f"{due:%d.%m.%Y}", str(price), list(labels)]', "fromisoformat"),
        ],
        praise="Better still to send one id, and to keep the rest in a table.",
    ),
    "unit": Exercise(
        "Write `sending()`, a block like `session()` that also gives a function `later`. What is "
        "named as `later(job, *arguments)` is sent, in order, once the block has committed. When "
        "the block fails, nothing is sent, and the error gets out.",
        check=unit.check_sending,
        hints=[
            "Inside the block nothing may be sent yet. So what does `later` do, if it does not "
            "send?",
            "A list that belongs to the block can keep the calls. Where in your function is the "
            "commit over?",
            "What stands behind the `with session()` block, indented less than it, runs after the "
            "commit. And it does not run at all when the block raises.",
        ],
        setup=answers.SETUP,
        stub=answers.STUB,
        given=["sending"],
        keep=KEEP,
        solution=answers.SOLUTION,
        also_correct=answers.OTHERWISE,
        wrong=[
            (answers.AT_ONCE, "before the commit", "inserted"),
            (answers.AT_THE_END, "before the commit", "inserted"),
            (answers.WITH_A_DELAY, "with a delay", "delay"),
            (answers.ALWAYS, "was rolled back", "rollback"),
            (answers.SWALLOWS, "did not get out"),
            (answers.CALLS, "was called"),
            (answers.ONE_LIST, "an earlier block"),
            (answers.NO_ARGUMENTS, "with their arguments"),
            (answers.NO_MANAGER, "`@contextmanager` above"),
            (answers.NO_BLOCK, "is no session"),
        ],
        praise="Django calls it `on_commit`. If the process dies right behind the commit, the jobs "
        "are missing all the same: that takes an outbox.",
    ),
}

CHAPTER = Chapter(
    number="06",
    title="Enqueuing from a model",
    minutes=40,
    mirrors="Enqueuing jobs to Sidekiq",
    needs=("05",),
    predictions=PREDICTIONS,
    exercises=EXERCISES,
    quiz=QUIZ,
    misconceptions=MISCONCEPTIONS,
    in_class=IN_CLASS,
)
