"""The quiz of chapter 07, its misconceptions, and notes for teachers."""

from __future__ import annotations

from collections.abc import Sequence

from labkit.course.misconception import Misconception
from labkit.course.quiz import Question

MISCONCEPTIONS = {
    "import_fakes": Misconception(
        "With the testing library imported, no job reaches Redis.",
        "Keep the board in view during section 1: the job that nobody meant to send is there.",
    ),
    "type_is_enough": Misconception(
        "A type says all there is to say about a field.",
        "Let the room name the silliest value that still is a `str`, or an `int`, and save it.",
    ),
    "green_is_tested": Misconception(
        "A test that passes shows that the code works.",
        "Delete the hook before their eyes and run the guide’s tests. Then ask what green means.",
    ),
    "any_will_do": Misconception(
        "There was a job, so the right thing happened.",
        "Let the hook send twice, and see which of the room’s tests notice.",
    ),
    "counting": Misconception(
        "The number of jobs says which jobs they were.",
        "Let the hook send `task.id + 1`. The count is right, and the customer gets another’s log.",
    ),
}

IN_CLASS = (
    "A learner’s own tests from chapter 04 lie in `work/` too. The chapter’s cells name the files "
    "that they run, so these disturb nobody; `run_tests()` with no name runs them all.",
    "Who has done the chapter before sees files being put aside. Nothing is lost: the last of each "
    "name is under `.labkit/aside/`.",
    "The guide’s own tests pass with the hook deleted. Give the room a minute of silence there; "
    "somebody will want to look at their own tests at work.",
)

QUIZ: Sequence[Question] = (
    Question(
        "`with fake(), assert_difference(lambda: len(task_logger.jobs), 1): create_task()` passes. "
        "What do you know?",
        [
            (
                "That the new task’s job was sent.",
                "One job was. It might carry the id of another task.",
                "counting",
            ),
            (
                "That one job of that name was sent, with whatever arguments.",
                "To know which, compare the jobs’ `args`.",
            ),
            ("That the job has run.", "In the fake mode nothing runs before `drain()`."),
        ],
        right=2,
    ),
    Question(
        "A test creates a task in the fake mode and then says `assert task_logger.jobs`. Which "
        "fault of the hook does it let through?",
        [
            (
                "None: without the job the list is empty, and the test fails.",
                "It sees one fault of many. A list with two wrong jobs is no empty list.",
                "any_will_do",
            ),
            ("The hook is missing.", "That one it sees: an empty list is false."),
            ("The hook sends the job twice.", "Any list that is not empty will do."),
        ],
        right=3,
    ),
    Question(
        "All tests pass. You delete a line of the application, and all tests pass. What do you "
        "know?",
        [
            (
                "That the line was not needed.",
                "Perhaps. Or that nobody tests what it does.",
                "green_is_tested",
            ),
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
        "A model based on `Model` has the field `stars: int`, and somebody saves a rating with "
        "`stars=-3`. What happens?",
        [
            ("It is saved.", "-3 is an int. `Field(ge=1, le=5)` would refuse it."),
            (
                "It is refused: there are no negative stars.",
                "Nobody has said so. A type tells numbers from texts, and not one number from "
                "another.",
                "type_is_enough",
            ),
            ("It is saved as 3.", "Nothing is changed behind your back."),
        ],
        right=1,
    ),
    Question(
        "From chapter 05: a test imports `labkit.testing`, chooses no mode and calls "
        "`task_logger.send_in(timedelta(hours=1), 7)`. Where is the job?",
        [
            (
                "In a list of this process, until `drain()`.",
                "That takes `with fake():`. The import changes nothing.",
                "import_fakes",
            ),
            (
                "It has run: tests do not wait.",
                "That would be the inline mode, had it been chosen.",
            ),
            (
                "In Redis, scheduled, for a worker to run in an hour.",
                "As outside of tests, and beside the jobs of development.",
            ),
        ],
        right=3,
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
)
