"""Every chapter's content, against its notebook, and every exercise against its contract."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from functools import cache
from itertools import pairwise
from pathlib import Path

import nbformat
import pytest

import labkit.course.chapters
from labkit.course import chapters
from tests.support_course import lacks

NOTEBOOKS = Path(__file__).resolve().parent.parent / "notebooks"
CHAPTERS = list(chapters.every())
EXERCISES = [key for chapter in CHAPTERS for key in chapter.ids()["exercises"]]
PREDICTIONS = [key for chapter in CHAPTERS for key in chapter.ids()["predictions"]]
each_chapter = pytest.mark.parametrize("chapter", CHAPTERS, ids=lambda chapter: chapter.number)


@cache
def cells(notebook: str) -> list[tuple[str, str]]:
    """A notebook's cells: kind and source."""
    read = nbformat.read(NOTEBOOKS / f"{notebook}.ipynb", as_version=4)
    return [(cell.cell_type, cell.source) for cell in read.cells]


def code(chapter: chapters.Chapter) -> list[str]:
    return [source for kind, source in cells(chapter.notebook) if kind == "code"]


def called(chapter: chapters.Chapter, name: str) -> list[str]:
    """The ids with which the notebook's code calls a function of the course."""
    return re.findall(rf'^{name}\("([^"]+)"', "\n".join(code(chapter)), flags=re.MULTILINE)


def test_the_order_names_every_topic_once() -> None:
    folder = Path(str(labkit.course.chapters.__file__)).parent
    modules = {path.stem for path in folder.glob("*.py")} - {"__init__"}
    # A topic that needs more than one file has its parts beside it: TOPIC_checks, TOPIC_quiz.
    parts = {name for name in modules if name.rpartition("_")[0] in modules}
    assert set(chapters.ORDER) == modules - parts
    assert len(set(chapters.ORDER)) == len(chapters.ORDER)


def test_every_notebook_belongs_to_a_chapter_and_every_chapter_has_one() -> None:
    stored = [path.stem for path in sorted(NOTEBOOKS.glob("*.ipynb"))]
    assert stored == [chapter.notebook for chapter in CHAPTERS]


@each_chapter
def test_a_chapter_has_its_number_its_title_and_stands_on_earlier_ones(
    chapter: chapters.Chapter,
) -> None:
    assert chapters.find(chapter.number) is chapter
    assert all(needed < chapter.number for needed in chapter.needs)
    assert 5 <= chapter.minutes <= 60
    kind, first = cells(chapter.notebook)[0]
    assert kind == "markdown"
    assert first.startswith(f"# {chapter.number} · {chapter.title}\n")
    assert f"{chapter.minutes} minutes" in first


@each_chapter
def test_names_in_a_chapter_are_plain_and_used_once(chapter: chapters.Chapter) -> None:
    names = [*chapter.predictions, *chapter.exercises]
    assert all(re.fullmatch(r"[a-z][a-z0-9_]*", name) for name in names)
    assert len({*names, "quiz"}) == len(names) + 1


#: The chapters that hold all that tests/support_course.py asks for.
COMPLETE: tuple[str, ...] = ("00", "01", "02", "03", "04", "05", "06", "07", "08", "09", "10", "11")


@pytest.mark.parametrize("number", COMPLETE)
def test_a_chapter_is_complete(number: str) -> None:
    assert sorted(lacks(chapters.find(number))) == []


@pytest.mark.parametrize("key", PREDICTIONS)
def test_a_prediction_has_three_options_that_differ_and_a_reason(key: str) -> None:
    asked = chapters.prediction(key)
    assert len(set(asked.texts())) == len(asked.options) >= 3
    assert asked.question.endswith("?")
    assert asked.why


@each_chapter
def test_a_question_has_one_right_option_and_a_note_for_each(chapter: chapters.Chapter) -> None:
    for question in chapter.quiz:
        assert len(set(question.texts())) == len(question.options) >= 3
        assert 1 <= question.right <= len(question.options)
        assert all(option[1].strip() for option in question.options)


@each_chapter
def test_the_right_option_is_not_always_in_the_same_place(chapter: chapters.Chapter) -> None:
    assert len({question.right for question in chapter.quiz}) > 1


@each_chapter
def test_the_notebook_asks_what_the_content_holds(chapter: chapters.Chapter) -> None:
    ids = chapter.ids()
    assert called(chapter, "predict") == called(chapter, "settle")
    assert sorted(called(chapter, "predict")) == sorted(ids["predictions"])
    assert sorted(called(chapter, "check")) == sorted(ids["exercises"])
    assert called(chapter, "quiz") == [chapter.number]
    assert called(chapter, "solution") == []


@each_chapter
def test_what_a_prediction_asks_is_folded_until_it_is_run(chapter: chapters.Chapter) -> None:
    asked = False
    notebook = nbformat.read(NOTEBOOKS / f"{chapter.notebook}.ipynb", as_version=4)
    for cell in notebook.cells:
        if cell.cell_type != "code":
            continue
        if cell.outputs:
            folded = cell.metadata.get("jupyter", {}).get("outputs_hidden", False)
            assert folded == asked, cell.source
        asked = cell.source.startswith("predict(") or asked
        # It may stand behind a line that gets what it is given.
        asked = asked and not re.search(r"^settle\(", cell.source, re.MULTILINE)


@pytest.mark.parametrize("key", EXERCISES)
def test_the_stub_stands_in_the_notebook_and_the_check_behind_it(key: str) -> None:
    task = chapters.exercise(key)
    chapter = chapters.find(key.partition(".")[0])
    check = f'check("{key}", {", ".join(task.given)})'
    followers = [after for before, after in pairwise(code(chapter)) if before == task.stub]
    assert followers == [check], f"the stub as it is in the content, and behind it: {check}"


@pytest.mark.parametrize("key", EXERCISES)
def test_no_solution_stands_in_a_notebook(key: str) -> None:
    task = chapters.exercise(key)
    text = "\n".join(source for chapter in CHAPTERS for _, source in cells(chapter.notebook))
    for answer in (task.solution, task.also_correct):
        assert answer.strip() not in text


#: Exercises whose contract takes long, as it starts a worker or waits for each of many answers.
LONG = {"00.counts", "00.sent", "01.signup", "01.status", "02.line", "02.waiting", "03.stopwatch"}
LONG |= {"04.export", "04.rescue", "04.shout", "05.politely", "05.tomorrow", "05.waited"}
LONG |= {"06.unit", "07.enqueued", "08.promise", "09.once", "09.outbox"}
LONG |= {"10.later", "10.promise"}
LONG |= {"11.insist", "11.certain"}


@pytest.mark.parametrize(
    "key",
    [pytest.param(key, marks=pytest.mark.slow) if key in LONG else key for key in EXERCISES],
)
def test_an_exercise_keeps_its_contract(key: str) -> None:
    ran = subprocess.run(
        [sys.executable, "-m", "labkit.course.contract", key],
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env=os.environ,
        timeout=200,
        check=False,
    )
    assert ran.returncode == 0, ran.stdout
    assert "Traceback" not in ran.stdout
