"""A cell that fails because of those above it names the one to run."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from labkit.cell import Cell, read
from labkit.cell_order import Run, missing, places, source_of
from tests.support_kernel import Kernel
from tools import notebooks

SOURCES = ["%load_ext labkit", "fresh('05')", "a = 1", "b = a + 1", "b / 1", "c = ..."]
CELLS = [Cell(f"id-{n}", source, "", fails=False) for n, source in enumerate(SOURCES)]


def after(*places: int) -> Cell | None:
    """What is missing when these cells have run and the last of them has failed."""
    return missing(CELLS, [Run(CELLS[n].source, None, n != places[-1]) for n in places])


@pytest.mark.parametrize(
    ("places", "needed"),
    [
        ((0, 1, 2, 3, 4), None),
        ((0,), None),
        ((1,), 0),
        ((0, 1, 3), 2),
        ((0, 1, 2, 3, 1, 4), 2),  # begun anew
        ((0, 1, 2, 3, 2, 4), 3),  # a has another value since
        ((0, 1, 2, 4, 3), 1),  # what is below has run already
        ((0, 1, 2, 3, 4, 4), None),
        ((1, 0, 1, 2), None),
    ],
)
def test_the_first_cell_that_is_missing(places: tuple[int, ...], needed: int | None) -> None:
    assert after(*places) == (None if needed is None else CELLS[needed])


def test_a_cell_is_known_by_its_id_although_the_learner_has_changed_it() -> None:
    runs = [Run(source, None, True) for source in SOURCES[:3]]
    assert missing(CELLS, [*runs, Run("b = a + 2", "id-3", True), Run("b / 1", None)]) is None
    assert missing(CELLS, [*runs, Run("b / 1", None)]) == CELLS[3]


def test_of_two_cells_that_look_alike_the_next_one_is_meant() -> None:
    cells = [*CELLS, Cell("twin", "a = 1", "", fails=False), Cell("end", "end()", "", fails=False)]
    runs = [Run(cell.source, None, True) for cell in cells]
    assert places(cells, runs) == list(range(len(cells)))
    assert missing(cells, runs) is None
    assert missing(cells, [*runs[:-2], runs[-1]]) == cells[-2]


def test_a_cell_of_the_learners_own_is_not_looked_for() -> None:
    assert missing(CELLS, [Run("nonsense", None)]) is None


def test_a_name_comes_from_the_cell_above_that_gives_it() -> None:
    runs = [Run("b = a + 1", None)]
    assert source_of("a", CELLS, runs) == CELLS[2]
    assert source_of("typo", CELLS, runs) is None
    assert source_of("a", CELLS, [Run("a = 1", None, True), *runs]) is None


def test_what_a_cell_gives_a_name_to() -> None:
    source = (
        "%load_ext x\nimport os.path\nfrom a import b as c\nwith d() as e:\n    f, g = 1, 2\n"
        "def h():\n    inside = 1\nclass I:\n    j = 1\nfor k in []: pass\n(m := 3)"
    )
    named = Cell("", source, "", fails=False).names()
    assert named == {"os", "c", "e", "f", "g", "h", "I", "k", "m"}
    assert Cell("", "no python", "", fails=False).names() == set()


@pytest.fixture
def kernel(root: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Kernel]:
    """A kernel beside a notebook, with nothing loaded but what ``labkit lab`` loads."""
    cells = [
        new_code_cell("shelf = [1]"),
        new_markdown_cell("## 2 · The shelf\n\nLook at it."),
        new_code_cell("book = shelf.pop()"),
        new_code_cell("missing"),
        new_code_cell("%nothing"),
        new_code_cell("1 / 0"),
    ]
    nbformat.write(new_notebook(cells=cells), root / "01_shelf.ipynb")
    with Kernel(extension="labkit.cell_order") as running:
        yield running


def told(kernel: Kernel, source: str) -> str:
    [error] = kernel.run(source, fails=True)
    return "\n".join(error["traceback"])


def test_the_kernel_says_so_in_one_line(kernel: Kernel) -> None:
    assert told(kernel, "book = shelf.pop()") == (
        "RunFirst: `shelf` comes from the cell that begins `shelf = [1]`. Run that one first."
    )
    assert "NameError" in told(kernel, "missing_too")
    kernel.run("shelf = [1]")
    kernel.run("book = shelf.pop()")
    assert "pop from empty list" in told(kernel, "book = shelf.pop()")
    assert "NameError" in told(kernel, "missing")
    assert told(kernel, "1 / 0").startswith(
        "RunFirst: This cell needs those above it, in their order. Run the cell in “2 · The shelf” "
        "that begins `missing` first"
    )
    assert "ZeroDivisionError: division by zero" in told(kernel, "1 / 0")
    assert told(kernel, "%nothing").startswith("RunFirst: ")


def test_what_another_cell_may_lean_on() -> None:
    for source in ("check('05.a', b)", "predict('x')\nsettle('x', a)", "assert a"):
        assert not Cell("", source, "", fails=False).matters
    for source in ("settle('x', a)\nb = 1", "print(a)", "!ls", "%redis PING", "fresh('05')"):
        assert Cell("", source, "", fails=False).matters
    assert not Cell("", "def f(): return ...", "", fails=False, stub=True).matters


def in_order(*places: int) -> bool:
    runs = [Run(CELLS[n].source, None, True) for n in places]
    return missing(CELLS, runs) is None or missing(CELLS, runs, first=True) is None


@pytest.mark.parametrize(
    ("places", "right"),
    [
        ((0, 1, 2, 3, 4), True),
        ((0, 1, 2, 3, 4, 2), True),  # run again, after others
        ((0, 1, 2, 3, 2, 4), True),  # one above was run again
        ((0, 1, 2, 4), False),
        ((0, 1, 3, 2), False),  # one below has run first
        ((0, 1, 3, 2, 3, 4), True),  # and then in order
        ((0, 1, 2, 3, 4, 1, 4), False),  # begun anew, and gone on in the middle
    ],
)
def test_what_went_in_order_may_be_run_as_often_as_one_likes(
    places: tuple[int, ...], right: bool
) -> None:
    assert in_order(*places) is right


def test_a_cell_that_shows_something_out_of_order_says_so(root: Path) -> None:
    outputs = [new_output("execute_result", data={"text/plain": "1"}, execution_count=1)]
    cells = [
        new_code_cell("shelf = [1]"),
        new_code_cell("shelf += [2]"),
        new_code_cell("len(shelf)", outputs=outputs),
        new_code_cell("import warnings; warnings.warn(f'{len(shelf)} on it', stacklevel=1)"),
    ]
    nbformat.write(new_notebook(cells=cells), root / "01_shelf.ipynb")

    def shown(kernel: Kernel, source: str) -> str:
        return "".join(output.get("text", "") for output in kernel.run(source))

    with Kernel(extension="labkit.cell_order") as kernel:
        assert shown(kernel, "shelf = [1]") == ""
        assert shown(kernel, "len(shelf)") == (
            "What you see may differ from the text, for the cells above have not run in their "
            "order. Run the cell that begins `shelf += [2]` first, and then those below it.\n"
        )
        assert shown(kernel, "shelf += [2]") == ""
        assert shown(kernel, "len(shelf)") == ""
        assert "differ" not in shown(kernel, cells[3].source)

    # What shows nothing when all is in order, and warns when it is not, says so as well.
    with Kernel(extension="labkit.cell_order") as kernel:
        shown(kernel, "shelf = [1]")
        assert "1 on it" in (warning := shown(kernel, cells[3].source))
        assert "Run the cell that begins `shelf += [2]` first" in warning
        assert shown(kernel, "len(shelf) + 1") == ""


def test_the_stored_chapters_are_read() -> None:
    folder = notebooks.ROOT / "notebooks"
    stored = sorted(folder.glob("*.ipynb"))
    assert stored
    for path in stored:
        cells = read(path)
        assert cells[0].source == "%load_ext labkit"
        assert any(cell.heading for cell in cells)
    assert read(folder / "none.ipynb") == ()


def test_a_check_that_cannot_be_made_names_the_cell_to_run_first(root: Path) -> None:
    sources = ["tables = create()", "answer = ...", "check('06.hook', 1)"]
    cells = [new_code_cell(source) for source in sources]
    nbformat.write(new_notebook(cells=cells), root / "06_shelf.ipynb")
    judging = (
        "from unittest.mock import patch\nfrom labkit.course import exercise\n"
        "from labkit.errors import DatabaseNotReady\n"
        "class Task:\n    praise = ''\n"
        "    def check(self, given): raise DatabaseNotReady('no tables.')\n"
        "exercise.chapters.exercise = lambda key: Task()\ncheck = exercise.check"
    )
    with Kernel(extension="labkit.cell_order") as kernel:
        kernel.run(judging)
        shown = str(kernel.run("check('06.hook', 1)"))
        assert "no tables. Run the cell that begins `tables = create()` first" in shown
