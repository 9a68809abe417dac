"""What a chapter must hold, as a list of what it lacks.

``python -m tests.support_course [NN …]`` prints it.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator

from labkit.course import chapters
from labkit.course.chapters import Chapter

PREDICTIONS, EXERCISES, QUESTIONS, MISCONCEPTIONS, IN_CLASS = 3, 3, 6, 5, 3


def lacks(chapter: Chapter) -> Iterator[str]:
    """What is missing from a chapter, one line each."""
    for kind, found, enough in (
        ("predictions", chapter.predictions, PREDICTIONS),
        ("exercises", chapter.exercises, EXERCISES),
        ("questions in the quiz", chapter.quiz, QUESTIONS),
        ("misconceptions", chapter.misconceptions, MISCONCEPTIONS),
        ("lines in_class", chapter.in_class, IN_CLASS),
    ):
        if len(found) < enough:
            yield f"{len(found)} {kind}, of {enough}"
    asked = [re.match(r"From chapter (\d\d)", question.question) for question in chapter.quiz]
    back = [found[1] for found in asked if found]
    if len(back) < min(int(chapter.number), 2):
        yield f"{len(back)} questions begin “From chapter NN”: the quiz reaches back"
    yield from (f"its quiz reaches on to chapter {n}" for n in back if n >= chapter.number)
    yield from _loose_ends(chapter)


def _loose_ends(chapter: Chapter) -> Iterator[str]:
    """Misconceptions without an answer and an option, and names of none."""
    wrong = [answer for task in chapter.exercises.values() for answer in task.wrong]
    options = [
        (option, place == question.right)
        for question in chapter.quiz
        for place, option in enumerate(question.options, 1)
    ]
    answered = {answer[2] for answer in wrong if len(answer) == 3}
    chosen = {option[2] for option, right in options if len(option) == 3 and not right}
    known = set(chapter.misconceptions)
    yield from (f"no wrong answer of an exercise ends with {name!r}" for name in known - answered)
    yield from (f"no wrong option of the quiz ends with {name!r}" for name in known - chosen)
    yield from (f"{name!r} is none of its misconceptions" for name in (answered | chosen) - known)
    if any(right and len(option) == 3 for option, right in options):
        yield "a right option of the quiz ends with a misconception"


def main(numbers: list[str]) -> None:
    """The command line: numbers of chapters, all when there are none."""
    for chapter in [chapters.find(number) for number in numbers] or chapters.every():
        missing = sorted(lacks(chapter))
        sys.stdout.write(f"{chapter.number}: {'complete' if not missing else ''}\n")
        sys.stdout.writelines(f"    {line}\n" for line in missing)


if __name__ == "__main__":
    main(sys.argv[1:])
