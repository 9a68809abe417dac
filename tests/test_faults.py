"""CONTRIBUTING's table of faults: each test that it names is there."""

from __future__ import annotations

import ast
import re
from pathlib import Path

TESTS = Path(__file__).resolve().parent
PAGE = (TESTS.parent / "CONTRIBUTING.md").read_text(encoding="utf-8")
NAMED = re.findall(r"`([\w/]+\.py)::(test_\w+)`", PAGE)


def functions(file: Path) -> set[str]:
    tree = ast.parse(file.read_text(encoding="utf-8"))
    return {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}


def test_every_test_that_is_named_is_there() -> None:
    assert len(NAMED) > 30
    gone = [f"{file}::{name}" for file, name in NAMED if name not in functions(TESTS / file)]
    assert gone == []


def test_every_row_names_one() -> None:
    [table] = re.findall(r"^\| Fault \|.*?\n\n", PAGE, flags=re.MULTILINE | re.DOTALL)
    rows = table.strip().splitlines()[2:]
    assert [row for row in rows if not re.search(r"\.py::test_\w+`", row)] == []
