"""The course: predictions, exercises, quizzes and progress; ``chapters`` holds their content.

    predict("05.returns")              # what will happen?
    message = task_logger.send(1)      # run it
    settle("05.returns", message)      # held against that very run

    check("05.tomorrow", message)      # judge an exercise by what it did
    assignment("05.tomorrow")          # what is to be done, and the cells to begin with
    hint("05.tomorrow")                # the next hint
    solution("05.tomorrow")            # one way to do it
    keep_test("05.politely")           # a test beside the answer that you keep in work/
    quiz("05")                         # the chapter's questions
    progress()                         # the map, and what is done
    rosetta("drain")                   # the guide's words, and what they are called here
    export_progress("Ann")             # one file of it, to hand in or to take along
    restore_progress("progress-ann.json")

An id is the chapter's number and a name that the chapter gives.
"""

from __future__ import annotations

from labkit.course.exercise import assignment, check, hint, solution
from labkit.course.export import export_progress, restore_progress
from labkit.course.keep import keep_test
from labkit.course.prediction import predict, settle
from labkit.course.progress import progress
from labkit.course.quiz import quiz
from labkit.course.rosetta import rosetta

__all__ = [
    "assignment",
    "check",
    "export_progress",
    "hint",
    "keep_test",
    "predict",
    "progress",
    "quiz",
    "restore_progress",
    "rosetta",
    "settle",
    "solution",
]
