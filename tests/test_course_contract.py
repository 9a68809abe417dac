"""The contract finds fault with exercises that do not keep it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from labkit.course import chapters
from labkit.course.contract import answer, cases, faults
from labkit.course.exercise import Exercise
from labkit.ledger.reader import Ledger
from labkit.ledger.records import JobState
from labkit.settings import Settings

KEY = "00.counts"
GOOD = chapters.exercise(KEY)


@pytest.fixture
def swapped(
    settings: Settings, tables: None, monkeypatch: pytest.MonkeyPatch
) -> Iterator[dict[str, Exercise]]:
    """Chapter 00's exercises, to be changed for the length of one test."""
    exercises = dict(chapters.find("00").exercises)
    monkeypatch.setattr(
        "labkit.course.chapters.start_here.CHAPTER",
        replace(chapters.find("00"), exercises=exercises),
    )
    return exercises


def test_a_good_exercise_has_no_fault(swapped: dict[str, Exercise]) -> None:
    assert list(faults(KEY)) == []


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"stub": "counts = 1"}, "untouched: is called wrong"),
        ({"wrong": GOOD.wrong[:2]}, "2 different messages"),
        ({"wrong": [("counts = ...", ""), *GOOD.wrong]}, "wrong answer 1: is called not attempted"),
        ({"wrong": [("counts = 1", "call it"), *GOOD.wrong]}, "wrong answer 1: says"),
        ({"solution": "counts = 1"}, "solution: is called wrong"),
        ({"also_correct": "counts = []"}, "second correct answer: is called wrong"),
        ({"hints": ["one"]}, "it has 1 hints"),
        ({"hints": [f"Write {GOOD.solution}", "two"]}, "gives the solution away"),
        ({"check": lambda counts: None}, "wrong answer 1: is called right"),
        ({"wrong": [(*GOOD.wrong[0][:2], "mine"), ("counts = len", "call it")]}, "00.mine"),
    ],
)
def test_a_fault_is_named(
    swapped: dict[str, Exercise], changes: dict[str, object], fault: str
) -> None:
    swapped["counts"] = replace(GOOD, **changes)  # type: ignore[arg-type]
    assert any(fault in found for found in faults(KEY)), list(faults(KEY))


@pytest.mark.parametrize("case", ["solution", "wrong answer 6"])
def test_a_check_that_works_in_the_learners_redis_leaves_no_job_there(
    settings: Settings, tables: None, case: str
) -> None:
    task = chapters.exercise("00.left")
    [source] = [each.source for each in cases(task) if each.name == case]
    answer("00.left", task, source)
    assert [job for state in JobState for job in Ledger().jobs(state)] == []
