"""Misconceptions: wrong ideas that people bring along, named, so that they can be met and counted.

A chapter names its own (``Chapter.misconceptions``). A wrong answer to an exercise, with the
message that it gets, and a wrong option of the quiz say at their end which one stands behind them.
What is met is kept with the learner's marks; ``notebooks/TEACHING.md`` tells teachers what to do.
"""

from __future__ import annotations

from dataclasses import dataclass

from labkit.course import chapters


@dataclass(frozen=True)
class Misconception:
    """One wrong idea.

    Parameters:
      belief: The idea as its owner would say it, in a sentence: "Calling a job sends it."
      teacher: What helps in class, in a sentence or two: what to show, what to ask.
    """

    belief: str
    teacher: str


def behind_message(key: str, message: str) -> str | None:
    """The id of the misconception that an exercise's message speaks of, if of any."""
    for answer in chapters.exercise(key).wrong:
        if len(answer) == 3 and answer[1] in message:
            return _id(key, answer[2])
    return None


def behind_option(number: str, question: int, option: int) -> str | None:
    """The id of the misconception behind an option of a quiz, both counted from 0, if of any."""
    chosen = chapters.find(number).quiz[question].options[option]
    return _id(number, chosen[2]) if len(chosen) == 3 else None


def _id(key: str, name: str) -> str:
    return f"{key.partition('.')[0]}.{name}"
