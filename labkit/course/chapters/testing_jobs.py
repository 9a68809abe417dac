"""Chapter 07: the three modes, a model with its migration, and tests that notice something."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from labkit.course.chapters import Chapter
from labkit.course.chapters import testing_jobs_assertion as assertion
from labkit.course.chapters import testing_jobs_checks as checks
from labkit.course.chapters import testing_jobs_rating as rating
from labkit.course.chapters.testing_jobs_keep import KEEP
from labkit.course.chapters.testing_jobs_quiz import IN_CLASS, MISCONCEPTIONS, QUIZ
from labkit.course.exercise import Exercise
from labkit.course.prediction import Prediction
from labkit.errors import InvalidRow


def _failed(results: Mapping[str, bool]) -> int:
    return sum(not passed for passed in results.values())


def _is_kept(log: Any) -> bool:
    return not isinstance(log, InvalidRow) and log.message == ""


PREDICTIONS = {
    "default": Prediction(
        "`labkit.testing` is imported, and no mode is chosen. Where does `greet.send` put the job?",
        [
            (
                "Into a list in this process",
                lambda stored, ran: not stored and not ran,
                "That is the fake mode. It is Sidekiq's default once its testing file is loaded.",
            ),
            (
                "Nowhere: it runs the job at once",
                lambda stored, ran: bool(ran),
                "That is the inline mode, which the guide calls the default.",
            ),
            ("Into Redis, as ever", lambda stored, ran: stored > 0 and not ran),
        ],
        "An import changes nothing here: the default mode is `disabled`. So a test that is to send "
        "nothing has to say so.",
    ),
    "drain": Prediction(
        "In the fake mode a job is sent for tomorrow, and then `drain()` is called. What happens?",
        [
            (
                "The job stays in the list, because it is not due",
                lambda drained, ran: drained == 0,
                "There is no clock in the fake mode. The job's time is there for you to look at.",
            ),
            ("The job runs now", lambda drained, ran: drained == 1 and "Grace" in ran),
            (
                "The job is dropped",
                lambda drained, ran: drained == 1 and "Grace" not in ran,
                "Every job of the list is run.",
            ),
        ],
        "No test should wait until tomorrow. Sidekiq's drain does the same.",
    ),
    "blank": Prediction(
        "The generated model says `message: str`, and no more. You make a Log with an empty "
        "message. What do you get?",
        [
            (
                "An error: a message is required",
                lambda log: isinstance(log, InvalidRow),
                "It is required, and it is there: an empty text is a text.",
            ),
            ("A Log with an empty message", _is_kept),
            (
                "A Log without a message: the empty text becomes None",
                lambda log: not isinstance(log, InvalidRow) and log.message is None,
                "Nothing is changed behind your back.",
            ),
        ],
        "A type says what kind of value may come, and not which of them make sense. Saying that is "
        "what a validation is for.",
    ),
    "leak": Prediction(
        "The two tests make a task each, and making a task calls the hook. Where are the hook's "
        "two jobs after the test run?",
        [
            (
                "Gone: they were in a list that ended with the tests",
                lambda leaked: leaked == 0,
                "Only the job that was sent inside `with fake():` was in a list.",
            ),
            ("In Redis, among the jobs of development", lambda leaked: leaked == 2),
            (
                "One is in Redis, and one was kept by `fake`",
                lambda leaked: leaked == 1,
                "Both tasks are made before the block begins.",
            ),
        ],
        "The tests have a database of their own, and the same Redis. A development worker would "
        "take these jobs and look for their tasks in the wrong database.",
    ),
    "deleted": Prediction(
        "You delete the hook, so that no new task sends a job any more. How many of the guide's "
        "two tests fail?",
        [
            (
                "Both",
                lambda results: _failed(results) == 2,
                "Neither of them makes a task and looks at what follows.",
            ),
            (
                "The first alone: it is about what happens after creating a task",
                lambda results: _failed(results) == 1,
                "Its name says so. Its body sends the job itself.",
            ),
            ("Neither", lambda results: _failed(results) == 0),
        ],
        "The one sends the job by hand, the other calls the function. Both test the library more "
        "than the application.",
    ),
}

EXERCISES = {
    "rating": Exercise(
        "People rate how a task was done. Give the model `Rating` two fields that must be given: "
        "`stars`, a whole number from 1 to 5, and `comment`, which is not blank and has at most 80 "
        "characters.",
        check=rating.check_rating,
        hints=[
            "The type is one half of it, and the limits are the other. The model’s `id` shows "
            "where such things are said: in `Field(…)`.",
            "`ge` is “greater or equal”, `le` is “less or equal”, `max_length` speaks for itself.",
            "The Log’s message above must not be blank either. Use the same type, with a "
            "`Field(…)` behind it.",
        ],
        setup=rating.SETUP,
        stub=rating.STUB,
        given=["Rating"],
        solution=rating.SOLUTION,
        also_correct=rating.OTHERWISE,
        wrong=[
            (rating.TYPES_ONLY, "A type says", "type_is_enough"),
            (rating.OPEN_ENDS, "includes both ends"),
            (rating.HALVES, "a whole number"),
            (rating.ONE_LETTER, "white space alone"),
            (rating.NO_LIMIT, "set a limit"),
            (rating.WITH_DEFAULT, "A default"),
        ],
        praise="In a migration the same rules can stand as CHECK constraints of the database, "
        "which no program can go round.",
    ),
    "hook": Exercise(
        "Write `test_hook`, a test of the Task model: a new task sends one job, with its id. The "
        "check runs your test against the model as it is, and against models that are broken.",
        check=checks.check_hook,
        hints=[
            "A test has to make a task. What it then looks at must be different if the hook were "
            "missing, or sent two jobs, or another id.",
            "In the fake mode the jobs are in `task_logger.jobs`, and each has its `args`.",
            "Compare a list with a list: the args of all the jobs, and `[(task.id,)]`.",
        ],
        setup=checks.SETUP,
        stub="def test_hook():\n    return ...",
        given=["test_hook"],
        solution=checks.SOLUTION,
        also_correct=checks.OTHERWISE,
        wrong=[
            (checks.SENDS_ITSELF, "although the hook is deleted", "green_is_tested"),
            (checks.ANY_JOB, "sends two jobs", "any_will_do"),
            (checks.ONE_JOB, "another id", "counting"),
            (checks.ONE_LOG, "another id", "counting"),
            (checks.RETURNS, "stands behind `assert`"),
            (checks.FIXTURE, "Fixtures are pytest’s"),
            (checks.NO_MODE, "to Redis", "import_fakes"),
            (checks.ALWAYS_FAILS, "with the hook in place"),
        ],
        praise="A test is worth what it catches: break the code on purpose, and see it fail.",
    ),
    "enqueued": Exercise(
        "Write an assertion to keep: `with assert_enqueued(job, *arguments):` holds if its block "
        "sends `job` exactly once, with just these arguments; jobs of other actors do not matter. "
        "If not, the AssertionError says what was sent. The block’s jobs do not reach Redis.",
        check=assertion.check_assertion,
        hints=[
            "In which mode must the block run, so that you can look at its jobs afterwards?",
            "What stands before `yield` runs before the block, and what stands behind it runs "
            "after. The list has to be read while the mode is still on.",
            "Compare a list with a list, and give `assert` a text behind a comma. An error of the "
            "block passes through `yield` by itself, if nothing catches it.",
        ],
        setup=assertion.SETUP,
        stub=assertion.STUB,
        given=["assert_enqueued"],
        keep=KEEP,
        solution=assertion.SOLUTION,
        also_correct=assertion.OTHERWISE,
        wrong=[
            (assertion.NO_MODE, "chooses no mode", "import_fakes"),
            (assertion.ANY_JOB, "two jobs for one", "any_will_do"),
            (assertion.ONE_JOB, "another argument", "counting"),
            (assertion.ONE_OF_THEM, "once more"),
            (assertion.NO_MANAGER, "`@contextmanager` above"),
            (assertion.TOO_LATE, "where there is none"),
            (assertion.BARE, "nothing of what was sent"),
            (assertion.HIDES, "is hidden behind"),
        ],
        praise="Rails has it as `assert_enqueued_with`. A good assertion is one that you trust "
        "when it fails.",
    ),
}

CHAPTER = Chapter(
    number="07",
    title="Testing jobs",
    minutes=50,
    mirrors="Testing Sidekiq jobs",
    needs=("06",),
    predictions=PREDICTIONS,
    exercises=EXERCISES,
    quiz=QUIZ,
    misconceptions=MISCONCEPTIONS,
    in_class=IN_CLASS,
)
