"""The chapters' content: one module a topic, in the order of the course.

A chapter's number is its place in ``ORDER``; its notebook is ``NN_topic.ipynb``. A topic's module
holds one ``CHAPTER``. A question or an exercise is found by an id such as ``05.returns``: the
chapter's number, and the name that it has there.
"""

from __future__ import annotations

import runpy
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from importlib import import_module
from typing import TYPE_CHECKING, TypeVar

from labkit.errors import CourseError
from labkit.settings import find_root

if TYPE_CHECKING:
    from labkit.course.exercise import Exercise
    from labkit.course.misconception import Misconception
    from labkit.course.prediction import Prediction
    from labkit.course.quiz import Question

T = TypeVar("T")

#: The folder of a teacher's own exercises, at the root.
ADDED = "exercises"

#: The topics of the course, from chapter 00 on.
ORDER = (
    "start_here",
    "why_background_jobs",
    "redis_and_dramatiq",
    "configuring",
    "creating_a_job",
    "executing_a_job",
    "enqueuing_from_a_model",
    "testing_jobs",
    "clearing_queues",
    "when_things_fail",
    "other_queues",
    "beyond_one_machine",
)


@dataclass(frozen=True)
class Chapter:
    """One chapter's content, apart from its notebook."""

    number: str
    title: str
    minutes: int
    #: The section of the guide that it does in Python; empty where the guide has none.
    mirrors: str = ""
    #: The numbers of the chapters that it stands on.
    needs: Sequence[str] = ()
    predictions: Mapping[str, Prediction] = field(default_factory=dict)
    exercises: Mapping[str, Exercise] = field(default_factory=dict)
    quiz: Sequence[Question] = ()
    #: By name; wrong answers and options of the quiz end with the name of the one behind them.
    misconceptions: Mapping[str, Misconception] = field(default_factory=dict)
    #: For teachers: what goes wrong in class, and what helps; a sentence or two each.
    in_class: Sequence[str] = ()

    @property
    def notebook(self) -> str:
        """The notebook's name, without its ending."""
        return f"{self.number}_{ORDER[int(self.number)]}"

    def ids(self) -> dict[str, list[str]]:
        """The ids of all that can be answered, by kind."""
        return {
            "predictions": [f"{self.number}.{name}" for name in self.predictions],
            "exercises": [f"{self.number}.{name}" for name in self.exercises],
            "quiz": [f"{self.number}.quiz.{place}" for place in range(1, len(self.quiz) + 1)],
        }


def find(number: str) -> Chapter:
    """The chapter with this number, such as ``"05"``.

    Raises:
      CourseError: there is none.
    """
    known = {f"{place:02}": topic for place, topic in enumerate(ORDER)}
    if number not in known:
        raise CourseError(f"There is no chapter {number!r}. There are {', '.join(known)}.")
    chapter: Chapter = import_module(f"{__name__}.{known[number]}").CHAPTER
    added = _added(number)
    return replace(chapter, exercises={**chapter.exercises, **added}) if added else chapter


def _added(number: str) -> dict[str, Exercise]:
    """The exercises of a teacher's own: ``exercises/NN_name.py`` at the root, each one file."""
    found = {}
    for file in sorted((find_root() / ADDED).glob(f"{number}_*.py")):
        name = file.stem.partition("_")[2]
        try:
            found[name] = runpy.run_path(str(file))["EXERCISE"]
        except KeyError:
            raise CourseError(f"{file} holds no EXERCISE.") from None
        except Exception as error:
            raise CourseError(f"{file}: {type(error).__name__}: {error}") from error
    return found


def every() -> Iterator[Chapter]:
    """All chapters, in order."""
    for place in range(len(ORDER)):
        yield find(f"{place:02}")


def prediction(key: str) -> Prediction:
    """The prediction with this id.

    Raises:
      CourseError: there is none.
    """
    chapter = _chapter_of(key)
    return _pick(key, chapter.predictions, "prediction")


def exercise(key: str) -> Exercise:
    """The exercise with this id.

    Raises:
      CourseError: there is none.
    """
    chapter = _chapter_of(key)
    return _pick(key, chapter.exercises, "exercise")


def _chapter_of(key: str) -> Chapter:
    number, dot, _ = key.partition(".") if isinstance(key, str) else ("", "", "")
    if not dot:
        raise CourseError(f"{key!r} is no id. An id is like '05.returns': the chapter and a name.")
    return find(number)


def _pick(key: str, known: Mapping[str, T], kind: str) -> T:
    number, _, name = key.partition(".")
    if name not in known:
        names = ", ".join(f"{number}.{other}" for other in known) or "none"
        raise CourseError(f"Chapter {number} has no {kind} {key!r}. It has: {names}.")
    return known[name]
