"""The code cells of a stored notebook: what each is there for, and what it gives a name to."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

#: What asks and judges, and leaves nothing that another cell needs.
QUESTIONS = {"predict", "settle", "check", "hint", "solution", "quiz", "progress", "assignment"}
QUESTIONS |= {"keep_test"}


@dataclass(frozen=True)
class Cell:
    """A code cell of a stored notebook, with the heading above it."""

    id: str
    source: str
    heading: str
    #: It is there to fail, and has done its part when it does.
    fails: bool
    #: There is something to see below it in the notebook.
    shows: bool = False
    #: The learner is to change it, so that nothing stored looks like what was run.
    stub: bool = False

    def __str__(self) -> str:
        lines = (line.strip() for line in self.source.splitlines())
        first = next((line for line in lines if line and not line.startswith("#")), "")
        where = f" in “{self.heading}”" if self.heading else ""
        return f"the cell{where} that begins `{first[:60]}`"

    @property
    def matters(self) -> bool:
        """Whether another cell may lean on it: not where it only asks, judges or asserts."""
        called = self.calls()
        return not self.stub and (called is None or not called <= QUESTIONS)

    @property
    def tells(self) -> bool:
        """Whether what it shows comes of what ran before."""
        return self.shows and (self.matters or self.calls() == {"settle"})

    def calls(self) -> set[str] | None:
        """The functions that it calls and does no more than that; None where it does."""
        called = set()
        for statement in self._tree().body:
            match statement:
                case ast.Expr(value=ast.Call(func=ast.Name(id=name))):
                    called.add(name)
                case ast.Assert():
                    pass
                case _:
                    return None
        return called

    def names(self) -> set[str]:
        """What the cell gives a name to."""
        return set(_bound(self._tree()))

    def _tree(self) -> ast.Module:
        from IPython.core.inputtransformer2 import TransformerManager

        try:
            shell_like = TransformerManager()  # type: ignore[no-untyped-call]
            return ast.parse(shell_like.transform_cell(self.source))
        except SyntaxError:
            return ast.Module(body=[ast.Pass()], type_ignores=[])


def _bound(tree: ast.AST) -> Iterator[str]:
    for node in ast.iter_child_nodes(tree):
        match node:
            case (
                ast.FunctionDef(name=name)
                | ast.AsyncFunctionDef(name=name)
                | ast.ClassDef(name=name)
            ):
                yield name  # and what is bound inside stays inside
                continue
            case ast.alias(name=name, asname=other):
                yield other or name.partition(".")[0]
            case ast.Name(id=name, ctx=ast.Store()):
                yield name
        yield from _bound(node)


def read(path: Path) -> tuple[Cell, ...]:
    """The code cells of a notebook, as it is on the disk now; none where it cannot be read."""
    try:
        return _read(path, path.stat().st_mtime_ns)
    except (OSError, ValueError, KeyError, TypeError):
        return ()


@lru_cache
def _read(path: Path, _changed: int) -> tuple[Cell, ...]:
    cells, heading = [], ""
    for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]:
        source = "".join(cell["source"])
        if cell["cell_type"] == "markdown":
            for line in re.findall(r"^##+ (.*)$", source, flags=re.MULTILINE):
                heading = line
        elif source.strip():
            fails = "raises-exception" in cell["metadata"].get("tags", [])
            shows = bool(cell.get("outputs"))
            cells.append(Cell(cell.get("id", ""), source, heading, fails, shows))
            if cells[-1].calls() == {"check"} and len(cells) > 1:
                cells[-2] = replace(cells[-2], stub=True)
    return tuple(cells)
