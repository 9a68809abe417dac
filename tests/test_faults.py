"""The tables of faults and of what the board does: each test that they name is there."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

TESTS = Path(__file__).resolve().parent
#: Each page, and how the head of its table begins.
PAGES = {"CONTRIBUTING.md": "Fault", "docs/board.md": "Feature"}
TEXTS = {name: (TESTS.parent / name).read_text(encoding="utf-8") for name in PAGES}


def functions(file: Path) -> set[str]:
    tree = ast.parse(file.read_text(encoding="utf-8"))
    return {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}


@pytest.mark.parametrize("page", PAGES)
def test_every_test_that_is_named_is_there(page: str) -> None:
    named = re.findall(r"`([\w/]+\.py)::(test_\w+)`", TEXTS[page])
    assert len(named) > 30
    gone = [f"{file}::{name}" for file, name in named if name not in functions(TESTS / file)]
    assert gone == []


@pytest.mark.parametrize("page", PAGES)
def test_every_row_names_one(page: str) -> None:
    head = rf"^\| {PAGES[page]} \|.*?\n\n"
    [table] = re.findall(head, TEXTS[page], flags=re.MULTILINE | re.DOTALL)
    rows = table.strip().splitlines()[2:]
    assert [row for row in rows if not re.search(r"\.py::test_\w+`", row)] == []
