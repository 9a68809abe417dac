"""The quiz at the end of a chapter: a few questions, some of them about earlier chapters."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from labkit.course import chapters
from labkit.course.misconception import behind_option
from labkit.course.progress import record
from labkit.course.show import Tone, say, sentence
from labkit.errors import CourseError

if TYPE_CHECKING:
    from labkit.course.choices import Choices


@dataclass(frozen=True)
class Question:
    """A question with one right answer.

    Parameters:
      question: One or two sentences; words between backticks are shown as code.
      options: (text, note): the note says why it is right, or why it is not. A wrong one may end
        with the name of the chapter's misconception behind it.
      right: The number (from 1) of the right one.
    """

    question: str
    options: Sequence[tuple[str, str] | tuple[str, str, str]]
    right: int

    def texts(self) -> list[str]:
        """What the options say."""
        return [option[0] for option in self.options]

    def feedback(self, answer: int) -> tuple[bool, str]:
        """Whether the option at this place (from 0) is right, and its note."""
        return answer == self.right - 1, self.options[answer][1]


_shown: dict[str, Choices] = {}


def quiz(number: str, answers: Sequence[int | None] | None = None) -> None:
    """Show a chapter's quiz. Each answer is marked as you choose it, and can be changed.

    Without widgets give the answers as numbers: ``quiz("05", [2, 1, 3])``, None for an open one.

    Raises:
      CourseError: no such chapter, no quiz in it, or an answer that is no option's number.
    """
    from labkit.course.choices import present

    chapter = chapters.find(number)
    questions = chapter.quiz
    if not questions:
        raise CourseError(f"Chapter {number} has no quiz.")
    places = _as_places(number, questions, answers)
    marked: dict[int, int] = {}

    def mark(current: Sequence[int | None]) -> None:
        for place, answer in enumerate(current):
            if answer is None or marked.get(place) == answer:
                continue
            marked[place] = answer
            right, note = questions[place].feedback(answer)
            record(f"{number}.quiz.{place + 1}", right, behind_option(number, place, answer))
            _shown[number].mark(place, right, note)

    _shown[number] = present(
        title=f"Quiz · {chapter.title}",
        questions=[(question.question, question.texts()) for question in questions],
        answers=places,
        note="Each answer is marked as you choose it.",
        chosen=mark,
        replaces=_shown.get(number),
    )
    mark(places)
    if answers is not None:
        _report(questions, places)


def _as_places(
    number: str, questions: Sequence[Question], answers: Sequence[int | None] | None
) -> list[int | None]:
    if answers is None:
        return [None] * len(questions)
    if len(answers) != len(questions):
        raise CourseError(
            f"The quiz of chapter {number} has {len(questions)} questions: give as many answers, "
            "None for one that you leave open."
        )
    places: list[int | None] = []
    for place, (question, answer) in enumerate(zip(questions, answers, strict=True), 1):
        if answer is not None and answer not in range(1, len(question.options) + 1):
            raise CourseError(
                f"Question {place} has the options 1 to {len(question.options)}, not {answer!r}."
            )
        places.append(None if answer is None else answer - 1)
    return places


def _report(questions: Sequence[Question], places: Sequence[int | None]) -> None:
    for place, (question, answer) in enumerate(zip(questions, places, strict=True), 1):
        if answer is None:
            continue
        right, note = question.feedback(answer)
        head = f"Question {place}: {'correct' if right else 'not quite'}. {sentence(note)}"
        say(Tone.RIGHT if right else Tone.WRONG, head)
