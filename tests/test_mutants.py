"""Mutants of the solutions: the tool, and a few of each exercise; ``make mutants`` takes all."""

from __future__ import annotations

import ast
import os
import random

import pytest

from labkit.course import chapters
from tools import mutants, mutation
from tools.mutation import Mutant

EXERCISES = [key for chapter in chapters.every() for key in chapter.ids()["exercises"]]
#: Which mutants the short form takes; another number each day finds what one alone would miss.
SEED = int(os.environ.get("MUTANTS", "1"))

SOURCE = '''\
def total(jobs, limit=3):
    """Docstrings stay."""
    found = []
    for job in jobs:
        if job > 0 and not job in found:
            found.append(job + 1)
    return sum(found[:limit]), min(found, key=abs)
'''


def sources(text: str) -> set[str]:
    return {mutant.source for mutant in mutation.mutants(text)}


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("x = a < b", "x = a <= b"),
        ("x = a == b", "x = a != b"),
        ("x = a + b", "x = a - b"),
        ("x = a and b", "x = a or b"),
        ("x = not a", "x = a"),
        ("x = 1 if a else 2", "x = 1 if not a else 2"),
        ("x = [y for y in a if y]", "x = [y for y in a]"),
        ("x = 3", "x = 4"),
        ("x = 3", "x = 2"),
        ("x = True", "x = False"),
        ("x = 'word'", "x = ''"),
        ("f(a, b)", "f(b, a)"),
        ("f(a, b)", "f(a)"),
        ("f(a, key=b)", "f(a)"),
        ("x = f()", "x = f"),
        ("job.send(1)", "job.message(1)"),
        ("x = 1\ny = 2", "x = 1\npass"),
        ("def f():\n    return a", "def f():\n    return"),
        ("@actor\ndef f():\n    a()", "def f():\n    a()"),
    ],
)
def test_a_change(before: str, after: str) -> None:
    assert after in sources(before)


def test_each_mutant_is_one_change_that_can_be_compiled_and_says_which() -> None:
    made = mutation.mutants(SOURCE)
    assert len(made) > 20
    assert len({mutant.source for mutant in made}) == len(made)
    for mutant in made:
        assert mutant.source != ast.unparse(ast.parse(SOURCE))
        assert '"""Docstrings stay."""' in mutant.source
        assert "line " in mutant.what
        assert [each.what for each in made].count(mutant.what) == 1
        compile(mutant.source, "mutant", "exec")


def test_what_changes_nothing_is_no_mutant() -> None:
    assert sources("pass") == set()
    assert sources("raise ValueError('a few words')") == {"pass"}
    assert all(ast.dump(ast.parse(each)) for each in sources(SOURCE))


def test_equivalents_have_reasons_and_name_mutants_that_there_are() -> None:
    for key, reasons in mutants.equivalents().items():
        task = chapters.exercise(key)
        known = {
            m.what for text in (task.solution, task.also_correct) for m in mutation.mutants(text)
        }
        assert set(reasons) <= known, f"{key}: {set(reasons) - known}"
        assert all(len(reason) > 5 for reason in reasons.values())


def test_a_survivor_is_found_and_one_that_hangs_is_none() -> None:
    with mutants.stage(), pytest.MonkeyPatch.context() as patch:
        patch.setattr(mutants, "PATIENCE", 3)
        good, bad, hangs = (
            Mutant("none", "counts = Ledger().counts()"),
            Mutant("broken", "counts = 1 / 0"),
            Mutant("hangs", "while True: pass"),
        )
        assert list(mutants.survivors("00.counts", [good, bad, hangs])) == [good]


def test_a_few_mutants_of_an_exercise_are_caught() -> None:
    for key in random.Random(SEED).sample(EXERCISES, 1):  # noqa: S311
        tried, left = mutants.examine(key, 3, SEED)
        assert tried
        assert [mutant.what for mutant in left] == [], key


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_of_all_mutants_the_checks_catch_what_they_should() -> None:
    assert mutants.main([]) == 0
