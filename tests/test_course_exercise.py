"""Exercises: checked by effect, never with a traceback, helped along step by step."""

from __future__ import annotations

import pytest

from labkit import Ledger
from labkit.course import check, hint, solution
from labkit.course.exercise import judge
from labkit.course.progress import load
from labkit.errors import CourseError

pytestmark = pytest.mark.usefixtures("settings")

COUNTS = "00.counts"


def test_a_stub_that_is_still_as_it_was_is_not_attempted(
    capsys: pytest.CaptureFixture[str],
) -> None:
    check(COUNTS, ...)
    said = capsys.readouterr().out
    assert said.startswith("Not attempted yet.")
    assert f'hint("{COUNTS}")' in said
    assert load().marks == {}


def test_a_wrong_answer_is_told_its_misconception(capsys: pytest.CaptureFixture[str]) -> None:
    check(COUNTS, Ledger().counts)
    assert capsys.readouterr().out.startswith("Not yet: `counts` is the method itself")
    assert load().marks == {COUNTS: False}


def test_a_right_answer_is_kept_and_stays_right(capsys: pytest.CaptureFixture[str]) -> None:
    check(COUNTS, Ledger().counts())
    assert capsys.readouterr().out.startswith("Correct.")
    check(COUNTS, 1)
    assert load().marks == {COUNTS: True}


def test_an_answer_that_breaks_the_check_is_wrong_and_no_traceback() -> None:
    class Odd(dict[str, int]):
        def __eq__(self, other: object) -> bool:
            raise ZeroDivisionError("odd")

        def __ne__(self, other: object) -> bool:
            raise ZeroDivisionError("odd")

    verdict = judge(COUNTS, Odd())
    assert verdict.right is False
    assert "ZeroDivisionError: odd" in verdict.message


def test_without_redis_the_check_says_so_and_judges_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("REDIS_URL", "redis://127.0.0.1:1/0")
    verdict = judge(COUNTS, {})
    assert verdict.right is None
    assert verdict.message.startswith("The check could not be made: Redis at redis://127.0.0.1:1/0")


def test_hints_come_one_by_one_and_then_stay(capsys: pytest.CaptureFixture[str]) -> None:
    hint(COUNTS, 1)
    for _ in range(3):
        hint(COUNTS)
    heads = [line for line in capsys.readouterr().out.splitlines() if line.startswith("Hint")]
    assert [head[:11] for head in heads] == [
        "Hint 1 of 2",
        "Hint 1 of 2",
        "Hint 2 of 2",
        "Hint 2 of 2",
    ]


def test_the_last_hint_names_the_solution(capsys: pytest.CaptureFixture[str]) -> None:
    hint(COUNTS, 2)
    assert f'`solution("{COUNTS}")`' in capsys.readouterr().out


def test_a_hint_that_is_not_there_is_refused() -> None:
    with pytest.raises(CourseError, match="hints 1 to 2"):
        hint(COUNTS, 3)


def test_the_solution_is_shown_when_asked_for(capsys: pytest.CaptureFixture[str]) -> None:
    solution(COUNTS)
    assert "counts = Ledger().counts()" in capsys.readouterr().out
