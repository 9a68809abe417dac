"""Chapter 07: the three modes, a model with its migration, and tests that notice something."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from labkit.course.chapters import Chapter
from labkit.course.chapters import testing_jobs_checks as checks
from labkit.course.exercise import Exercise
from labkit.course.prediction import Prediction
from labkit.course.quiz import Question
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
                "The first: it is about what happens after creating a task",
                lambda results: _failed(results) == 1,
                "Its name says so. Its body sends the job itself.",
            ),
            ("None", lambda results: _failed(results) == 0),
        ],
        "The one sends the job by hand, the other calls the function. Both test the library more "
        "than the application.",
    ),
}

EXERCISES = {
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
            (checks.SENDS_ITSELF, "although the hook is deleted"),
            (checks.ANY_JOB, "sends two jobs"),
            (checks.ONE_JOB, "another id"),
            (checks.NO_MODE, "to Redis"),
            (checks.ALWAYS_FAILS, "with the hook in place"),
        ],
        praise="A test is worth what it catches: break the code on purpose, and see it fail.",
    ),
}

QUIZ: Sequence[Question] = (
    Question(
        "A test should show that signing up enqueues the welcome e-mail. Which mode?",
        [
            (
                "fake: the job is in a list, and no mail is sent.",
                "What is asked is whether it was enqueued, and with which arguments.",
            ),
            (
                "inline: the mail is sent at once.",
                "Then the test needs a mail server, and fails when that does.",
            ),
            ("disabled: one wants to be sure.", "Then a worker would send it, later."),
        ],
        right=1,
    ),
    Question(
        "A test in the inline mode sends a tuple. What does the job receive, there and in "
        "production?",
        [
            (
                "A tuple in the test, a list in production.",
                "That would be a test that says nothing. Both ways lead through JSON.",
            ),
            ("A list, both times.", "JSON has no tuples, and the test modes use JSON, too."),
            ("Nothing: a tuple is refused.", "Tuples pass, as lists."),
        ],
        right=2,
    ),
    Question(
        "All tests pass. You delete a line of the application, and all tests pass. What do you "
        "know?",
        [
            ("That the line was not needed.", "Perhaps. Or that nobody tests what it does."),
            (
                "That no test notices whether the line is there.",
                "If the line matters, a test is missing.",
            ),
            (
                "That the tests must be run again, with the cache cleared.",
                "They ran. They did not look.",
            ),
        ],
        right=2,
    ),
    Question(
        "From chapter 06: the hook is `after_commit`, and a test wraps everything in a transaction "
        "that it rolls back. What does the test see of the hook?",
        [
            ("It is called at the rollback.", "A rollback is the opposite of a commit."),
            (
                "Nothing: what is never committed calls no `after_commit`.",
                "So tests of such hooks commit for real, to a database of their own.",
            ),
            (
                "It is called as usual, at the end of the block.",
                "Only if the session commits there.",
            ),
        ],
        right=2,
    ),
    Question(
        "From chapter 05: which of the modes keeps the promise of `send_at`, not to run before its "
        "time?",
        [
            ("fake, with `drain`", "It runs everything in the list."),
            ("inline", "It runs at once, whatever the time."),
            ("disabled", "Redis and a worker do. The other two have no clock."),
        ],
        right=3,
    ),
)

CHAPTER = Chapter(
    number="07",
    title="Testing jobs",
    minutes=40,
    mirrors="Testing Sidekiq jobs",
    needs=("06",),
    predictions=PREDICTIONS,
    exercises=EXERCISES,
    quiz=QUIZ,
)
