"""A chapter's cells in any order: the right result, or one line that names the cell to run.

The right result is the stored one, under the sanitisers of nbval. Where a cell shows something else
(there are more jobs, or fewer, because of what ran before it) it has to say so below, with the cell
to run: nobody is to take it for what the text speaks of.
"""

from __future__ import annotations

import os
import random
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import nbformat
import pytest

from tests.support_kernel import Kernel
from tools import notebooks

NAMES = [path.stem for path in sorted((notebooks.ROOT / "notebooks").glob("*.ipynb"))]
SEEDS = int(os.environ.get("ORDERS", "50"))
PATTERNS = dict(notebooks.get_sanitize_patterns(notebooks.SANITIZERS.read_text(encoding="utf-8")))
#: What says which cell to run, whether below a result or in place of one.
NAMED = "Run the cell"
each_chapter = pytest.mark.parametrize("name", NAMES)
#: Jobs and keys of another shape than the course's, where the course will look.
DIRT = """\
%load_ext labkit
from labkit import Ledger, Task, session
from labkit.jobs import make_invoice_pdf
client = Ledger().client
client.rpush("dramatiq:default", "no-such-id")
client.hset("dramatiq:mailers.msgs", "x", "no message")
client.set("dramatiq:gate", "a string where a list is meant")
for number in range(30): make_invoice_pdf.send_with_options(args=(number,), delay=number * 100_000)
make_invoice_pdf.send({"not": "what it takes"})
with session() as db: db.add_all([Task(title=f"left {number}") for number in range(30)])
"""


def cells_of(name: str) -> list[Any]:
    read = nbformat.read(notebooks.ROOT / "notebooks" / f"{name}.ipynb", as_version=4)
    return list(read.cells)


def code_of(name: str) -> list[Any]:
    return [cell for cell in cells_of(name) if cell.cell_type == "code"]


@contextmanager
def classroom(name: str) -> Iterator[Path]:
    """The folder of the notebooks, in a root of its own."""
    with notebooks.classrooms([notebooks.ROOT / "notebooks" / f"{name}.ipynb"]) as [path]:
        yield path.parent


def run(folder: Path, cells: list[Any], before: str = "", **env: str) -> list[str]:
    """Run cells in a new kernel; what is neither a right result nor names a cell to run."""
    faults = []
    environment = notebooks.environment(folder) | env
    with Kernel(folder, environment, extension="labkit.cell_order") as kernel:
        if before:
            kernel.run(before)
        for cell in cells:
            if fault := fault_of(cell, kernel.cell(cell)):
                faults.append(f"{cell.source.splitlines()[0]}\n    {fault}")
    return faults


def fault_of(cell: Any, outputs: list[Any]) -> str:
    """What is wrong with what a cell has shown; empty where it is right, or names a cell to run."""
    errors = [output for output in outputs if output.output_type == "error"]
    if errors:
        bad = [error for error in errors if not is_told(error, cell)]
        return "; ".join(f"{error['ename']}: {error['evalue']}" for error in bad)
    shown, stored = (notebooks.comparable(each, PATTERNS) for each in (outputs, cell.outputs))
    return "" if shown == stored or NAMED in str(shown) else f"shows {dict(shown)}"


def is_told(error: Any, cell: Any) -> bool:
    """Whether an error is the one that is stored, or one line that names a cell."""
    stored = [output.ename for output in cell.outputs if output.output_type == "error"]
    text = "\n".join(error["traceback"])
    short = len(error["traceback"]) <= 2
    return error["ename"] in stored or (short and (error["ename"] == "RunFirst" or NAMED in text))


@pytest.mark.slow
@pytest.mark.timeout(7200)
@each_chapter
def test_random_orders(name: str) -> None:
    cells, faults = code_of(name), []
    with classroom(name) as folder:
        for seed in range(SEEDS):
            order = random.Random(seed).sample(cells, len(cells))  # noqa: S311
            faults += [f"seed {seed}: {fault}" for fault in run(folder, order)]
    assert not faults, "\n".join(faults)


@pytest.mark.slow
@pytest.mark.timeout(1200)
@each_chapter
def test_a_restart_at_each_section(name: str) -> None:
    cells, faults = cells_of(name), []
    sections = [i for i, cell in enumerate(cells) if cell.source.startswith("## ")]
    assert sections
    with classroom(name) as folder:
        for section in sections:
            rest = [cell for cell in cells[section:] if cell.cell_type == "code"]
            found = run(folder, rest)
            faults += [f"{cells[section].source.splitlines()[0]}: {fault}" for fault in found]
    assert not faults, "\n".join(faults)


@pytest.mark.slow
@pytest.mark.timeout(300)
@each_chapter
def test_a_dirty_redis_makes_no_difference(name: str) -> None:
    with classroom(name) as folder:
        assert run(folder, code_of(name), before=DIRT) == []


@pytest.mark.slow
@pytest.mark.timeout(300)
@each_chapter
def test_redis_that_is_down_is_told_cell_by_cell(name: str) -> None:
    with classroom(name) as folder:
        faults = run(folder, code_of(name), REDIS_URL="redis://127.0.0.1:1/0")
    told = ("RedisUnavailable: ", "The check could not be made: ")
    assert [fault for fault in faults if not any(words in fault for words in told)] == []


@pytest.mark.slow
@pytest.mark.timeout(300)
@each_chapter
def test_a_worker_that_dies_is_told_with_the_cell_that_starts_one(name: str) -> None:
    kill = nbformat.v4.new_code_cell(
        "from labkit.worker import started\nfor dead in started(): dead.kill()"
    )
    with classroom(name) as folder:
        cells = [cell for each in code_of(name) for cell in (each, kill)]
        assert run(folder, cells) == []


@pytest.mark.parametrize(
    "name", [NAMES[0], *(pytest.param(name, marks=pytest.mark.slow) for name in NAMES[1:])]
)
@pytest.mark.timeout(600)
def test_a_chapter_run_twice_shows_the_same_and_names_no_cell(name: str) -> None:
    with classroom(name) as folder, Kernel(folder, notebooks.environment(folder)) as kernel:
        for cell in code_of(name) * 2:
            outputs = kernel.cell(cell)
            shown, stored = (
                notebooks.comparable(each, PATTERNS) for each in (outputs, cell.outputs)
            )
            assert shown == stored, cell.source


@pytest.mark.slow
def test_one_order_of_the_first_chapter() -> None:
    name = NAMES[0]
    cells = code_of(name)
    with classroom(name) as folder:
        assert run(folder, random.Random(1).sample(cells, len(cells))) == []  # noqa: S311


def test_a_result_that_is_not_the_stored_one_and_says_nothing_is_a_fault() -> None:
    stream = nbformat.v4.new_output
    cell = nbformat.v4.new_code_cell("n", outputs=[stream("stream", text="2 jobs\n")])
    assert fault_of(cell, [stream("stream", text="2 jobs\n")]) == ""
    assert "3 jobs" in fault_of(cell, [stream("stream", text="3 jobs\n")])
    assert (
        fault_of(cell, [stream("stream", text=f"3 jobs\n… {NAMED} in “1 · One” first …\n")]) == ""
    )
