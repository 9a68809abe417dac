"""The notebooks outside JupyterLab and nbval: any one after any other, and twice in one kernel.

nbval (``make test``, group notebooks) has run each alone, in a root of its own. Here several share
a root, with the Redis, the database and the learner's folder that the one before left behind.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise, product
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbformat.v4 import new_code_cell

from tests.support_kernel import Kernel
from tools import notebooks

NAMES = [path.name for path in sorted((notebooks.ROOT / "notebooks").glob("*.ipynb"))]
PATTERNS = dict(notebooks.get_sanitize_patterns(notebooks.SANITIZERS.read_text(encoding="utf-8")))
#: Runs that share a root, in the slow test; a root is used by one test at a time.
STRETCH = 14


def every_pair(names: list[str]) -> list[str]:
    """A walk on which each name comes right after each name, itself included, once."""
    walk: list[str] = []
    for place, name in enumerate(names):
        walk.append(name)
        for other in names[place + 1 :]:
            walk += [name, other]
    return [*walk, *walk[:1]]


def stretches(walk: list[str]) -> list[list[str]]:
    """The walk in parts; each begins with the name on which the one before it ends."""
    return [walk[first : first + STRETCH + 1] for first in range(0, len(walk) - 1, STRETCH)]


def test_the_walk_meets_every_pair_once() -> None:
    names = ["a", "b", "c", "d"]
    pairs = [pair for part in stretches(every_pair(names)) for pair in pairwise(part)]
    assert sorted(pairs) == sorted(product(names, names))


def differences(stored: list[Any], ran: list[Any]) -> Iterator[str]:
    """The cells whose outputs are not what is stored, as nbval would compare them."""
    for cell, fresh in zip(stored, ran, strict=True):
        before = notebooks.comparable(cell.outputs, PATTERNS)
        after = notebooks.comparable(fresh.outputs, PATTERNS)
        for kind in sorted(before.keys() | after.keys()):
            if before[kind] != after[kind]:
                yield f"{cell.source}\n-- {kind}, stored: {before[kind]}\n-- now: {after[kind]}"


def code_cells(path: Path) -> list[Any]:
    cells = nbformat.read(path, as_version=4).cells
    return [cell for cell in cells if cell.cell_type == "code"]


def run_in_turn(names: list[str]) -> None:
    """Run notebooks one after the other in one root, each by plain nbclient."""
    with notebooks.classrooms([notebooks.ROOT / "notebooks" / names[0]]) as [first]:
        for place, name in enumerate(names):
            path = first.with_name(name)
            done = notebooks.run(
                [
                    "jupyter-execute",
                    "--inplace",
                    "--kernel_name=python3",
                    "--timeout=60",
                    str(path),
                ],
                path.parent,
                capture_output=True,
            )
            where = f"{name}, after {', '.join(names[:place]) or 'nothing'}"
            assert done.returncode == 0, f"{where}\n{done.stderr}"
            stored = code_cells(notebooks.ROOT / "notebooks" / name)
            found = list(differences(stored, code_cells(path)))
            assert not found, "\n".join([where, *found])


@pytest.mark.timeout(180)
def test_a_chapter_and_the_same_again() -> None:
    run_in_turn([NAMES[0], NAMES[0]])


@pytest.mark.slow
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("names", stretches(every_pair(NAMES)), ids=lambda names: names[0][:2])
def test_any_chapter_after_any_other(names: list[str]) -> None:
    run_in_turn(names)


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.parametrize("name", NAMES)
def test_run_all_twice_in_one_kernel_gives_the_same(name: str) -> None:
    stored = code_cells(notebooks.ROOT / "notebooks" / name)
    with (
        notebooks.classrooms([notebooks.ROOT / "notebooks" / name]) as [path],
        Kernel(path.parent, notebooks.environment(path.parent)) as kernel,
    ):
        for _ in range(2):
            ran = [kernel.run(cell.source, fails=_fails(cell)) for cell in stored]
            again = [new_code_cell(outputs=outputs) for outputs in ran]
            found = list(differences(stored, again))
            assert not found, "\n".join(found)


def _fails(cell: Any) -> bool:
    return any(output.output_type == "error" for output in cell.outputs)
