"""What stands behind a wrong answer is known by its message and by its option, and is kept."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from labkit.course import chapters, check, quiz
from labkit.course.misconception import Misconception
from labkit.course.progress import load
from tests.support_course import lacks

METHOD = "counts = Ledger().counts"


@pytest.fixture(autouse=True)
def tied(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Chapter 00 with one misconception, behind one wrong answer and one option of its quiz."""
    chapter = chapters.find("00")
    task = replace(
        chapter.exercises["counts"],
        wrong=[(METHOD, "call it", "naming"), ("counts = 1", "a number for each state")],
    )
    text, note = chapter.quiz[0].options[0][:2]
    question = replace(
        chapter.quiz[0], options=[(text, note, "naming"), *chapter.quiz[0].options[1:]], right=2
    )
    monkeypatch.setattr(
        "labkit.course.chapters.start_here.CHAPTER",
        replace(
            chapter,
            exercises={"counts": task},
            quiz=[question],
            misconceptions={"naming": Misconception("To name a method is to call it.", "Ask.")},
        ),
    )


def test_what_stands_behind_a_message_is_kept_each_time_it_is_met() -> None:
    check("00.counts", len)
    check("00.counts", len)
    check("00.counts", 1)
    assert load().met == {"00.naming": 2}
    assert load().marks == {"00.counts": False}


def test_an_option_of_the_quiz_meets_it_too_and_the_right_one_does_not() -> None:
    quiz("00", [1])
    quiz("00", [2])
    assert load().met == {"00.naming": 1}
    assert load().marks == {"00.quiz.1": True}


def test_what_a_chapter_lacks_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    chapter = chapters.find("00")
    missing = set(lacks(chapter))
    assert {
        "1 exercises, of 3",
        "1 misconceptions, of 5",
        "1 questions in the quiz, of 6",
    } <= missing
    assert not any("naming" in line for line in missing)

    other = {"other": Misconception("Another.", "Ask.")}
    assert {
        "no wrong answer of an exercise ends with 'other'",
        "no wrong option of the quiz ends with 'other'",
        "'naming' is none of its misconceptions",
    } <= set(lacks(replace(chapter, misconceptions=other)))

    text, note = chapter.quiz[0].options[1][:2]
    right = replace(chapter.quiz[0], options=[(text, note, "naming")] * 3)
    assert "a right option of the quiz ends with a misconception" in set(
        lacks(replace(chapter, quiz=[right]))
    )
    early = replace(right, question="From chapter 05: what?")
    assert "its quiz reaches on to chapter 05" in set(lacks(replace(chapter, quiz=[early])))
