"""An exercise by writing one file, as CONTRIBUTING.md shows it: that very text is run here."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from labkit.course import assignment, chapters, check, hint
from labkit.course.progress import load
from labkit.errors import CourseError
from labkit.settings import Settings

PAGE = (Path(__file__).resolve().parent.parent / "CONTRIBUTING.md").read_text(encoding="utf-8")
SECTION = PAGE.partition("### An exercise of your own\n")[2].partition("\n## ")[0]


@pytest.fixture
def twice(settings: Settings, tables: None) -> Path:
    """The one file, where the page says."""
    [name] = re.findall(r"This one is `([^`]+)`", SECTION)
    [text] = re.findall(r"```python\n(.*?)```", SECTION, flags=re.DOTALL)
    file = settings.root / name
    file.parent.mkdir()
    file.write_text(text)
    return file


def test_it_is_known_like_any_other(twice: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "05.twice" in chapters.find("05").ids()["exercises"]
    assignment("05.twice")
    hint("05.twice")
    check("05.twice", ...)
    said = capsys.readouterr().out
    for part in ("messages = ...", 'check("05.twice", messages)', "Hint 1 of 2", "Not attempted"):
        assert part in said
    from labkit.jobs import task_logger

    check("05.twice", [task_logger.send(1)] * 2)
    assert "1 jobs of these" in capsys.readouterr().out
    check("05.twice", [task_logger.send(1), task_logger.send(1)])
    assert load().marks == {"05.twice": True}


def test_it_keeps_the_contract_and_its_mutants_are_caught(twice: Path) -> None:
    for module in ("labkit.course.contract", "tools.mutants"):
        ran = subprocess.run(
            [sys.executable, "-m", module, "05.twice"],
            cwd=twice.parent.parent,
            env=os.environ | {"PYTHONPATH": str(Path(__file__).resolve().parent.parent)},
            capture_output=True,
            text=True,
            check=False,
        )
        assert ran.returncode == 0, ran.stdout + ran.stderr


def test_a_file_that_is_no_exercise_is_named(twice: Path) -> None:
    twice.write_text("x = 1")
    with pytest.raises(CourseError, match=r"05_twice\.py holds no EXERCISE"):
        chapters.find("05")
    twice.write_text("def (")
    with pytest.raises(CourseError, match=r"05_twice\.py: SyntaxError"):
        chapters.find("05")
    assert chapters.find("04").number == "04"
