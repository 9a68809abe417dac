"""Quizzes: each answer is marked at once, with its reason."""

from __future__ import annotations

from dataclasses import replace

import pytest

from labkit.course import chapters, quiz
from labkit.course.progress import load
from labkit.course.quiz import _shown
from labkit.errors import CourseError

pytestmark = pytest.mark.usefixtures("root", "two_questions")


@pytest.fixture
def two_questions(monkeypatch: pytest.MonkeyPatch) -> None:
    """Chapter 00 with the first two questions of its quiz, however many it has."""
    chapter = chapters.find("00")
    short = replace(chapter, quiz=chapter.quiz[:2])
    monkeypatch.setattr("labkit.course.chapters.start_here.CHAPTER", short)


def test_unanswered_it_shows_the_questions_and_no_key(capsys: pytest.CaptureFixture[str]) -> None:
    quiz("00")
    said = capsys.readouterr().out
    assert said.startswith("Quiz · Start here\n1. ")
    assert "correct" not in said.lower()
    assert load().marks == {}


def test_a_choice_in_the_page_is_marked_and_can_be_changed() -> None:
    quiz("00")
    page = _shown["00"]
    page.answers = [0, None]
    assert page.results[0]["right"] is False
    assert page.results[1] == {}
    page.answers = [1, None]
    assert page.results[0]["right"] is True
    assert load().marks == {"00.quiz.1": True}


def test_answers_in_code_are_told_one_by_one(capsys: pytest.CaptureFixture[str]) -> None:
    quiz("00", [1, chapters.find("00").quiz[1].right])
    said = capsys.readouterr().out
    assert "Question 1: not quite." in said
    assert "Question 2: correct." in said
    assert load().marks == {"00.quiz.1": False, "00.quiz.2": True}


def test_the_page_knows_no_key_before_it_is_asked() -> None:
    quiz("00")
    sent = str(_shown["00"].get_state())
    assert "Redis stands between them" not in sent


@pytest.mark.parametrize("answers", [[1], [1, 2, 3], [0, 1], [4, 1], ["1", 1]])
def test_answers_that_fit_no_question_are_refused(answers: list[int]) -> None:
    with pytest.raises(CourseError, match=r"questions|options 1 to 3"):
        quiz("00", answers)


def test_running_it_again_closes_the_earlier_page() -> None:
    quiz("00")
    earlier = _shown["00"]
    quiz("00")
    assert earlier.comm is None
    assert _shown["00"] is not earlier
