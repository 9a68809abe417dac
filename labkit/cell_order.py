"""A chapter's cells run in any order: an error that comes of it names the cell to run.

A cell leans on those above it. Where one fails, and those above it have not run in their order in
this kernel, the traceback would be about something else than what went wrong; in its place stands
one line. An error in a chapter that was run from the top stays as it is.

``labkit lab`` loads this into each kernel, so that it also helps where ``%load_ext labkit`` was
forgotten; that line loads it in any other.
"""

from __future__ import annotations

import ast
import json
import os
import re
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from types import TracebackType
from typing import Any

from labkit.errors import CourseError, LabkitError, WorkerError

Handler = Callable[..., list[str] | None]


class RunFirst(CourseError):
    """A cell failed, and one above it has not been run."""


@dataclass(frozen=True)
class Cell:
    """A code cell of a stored notebook, with the heading above it."""

    id: str
    source: str
    heading: str
    #: It is there to fail, and has done its part when it does.
    fails: bool

    def __str__(self) -> str:
        lines = (line.strip() for line in self.source.splitlines())
        first = next((line for line in lines if line and not line.startswith("#")), "")
        where = f" in “{self.heading}”" if self.heading else ""
        return f"the cell{where} that begins `{first[:60]}`"

    @property
    def is_stub(self) -> bool:
        """Whether the learner is to change it, so that nothing stored looks like what was run."""
        return bool(re.search(r"^\w+ = \.\.\.", self.source, flags=re.MULTILINE))

    def names(self) -> set[str]:
        """What the cell gives a name to."""
        from IPython.core.inputtransformer2 import TransformerManager

        try:
            shell_like = TransformerManager()  # type: ignore[no-untyped-call]
            tree = ast.parse(shell_like.transform_cell(self.source))
        except SyntaxError:
            return set()
        return set(_bound(tree))


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
            cells.append(Cell(cell.get("id", ""), source, heading, fails))
    return tuple(cells)


@dataclass
class Run:
    """One run of a cell in this kernel."""

    source: str
    id: str | None
    ok: bool = False


def places(cells: Sequence[Cell], runs: Sequence[Run]) -> list[int | None]:
    """The place of each run among the cells of a notebook; None for what is not one of them.

    A cell is known by its id where the front end tells it, else by its source; of two that look
    alike, by the run before.
    """
    found: list[int | None] = []
    last = -1
    for run in runs:
        alike = [
            place
            for place, cell in enumerate(cells)
            if (run.id and cell.id == run.id) or cell.source.strip() == run.source.strip()
        ]
        exact = [place for place in alike if run.id and cells[place].id == run.id]
        below = [place for place in alike if place > last]
        chosen = exact or below or alike
        found.append(chosen[0] if chosen else None)
        last = last if found[-1] is None else found[-1]
    return found


def missing(cells: Sequence[Cell], runs: Sequence[Run]) -> Cell | None:
    """The cell to run before the one that ran last can do its part; None if all was in order.

    What ran before the chapter last began anew (its ``fresh`` cell) does not count.
    """
    ran = list(zip(places(cells, runs), (run.ok for run in runs), strict=True))
    here = ran[-1][0]
    if here is None:
        return None
    begin = next(
        (i for i, cell in enumerate(cells) if re.search(r"^fresh\(", cell.source, re.M)), 0
    )
    begun = max((i for i, (place, ok) in enumerate(ran) if place == begin and ok), default=-1)
    last = 0
    for place, cell in enumerate(cells[:here]):
        since = 0 if place < begin else begun
        done = [
            i
            for i, (other, ok) in enumerate(ran[:-1])
            if other == place and i >= since and (ok or cell.fails)
        ]
        if cell.is_stub:
            continue
        if not done or (place >= begin and done[-1] < last):
            return cell
        last = max(last, done[-1]) if place >= begin else 0
    if begin <= here and any(place is not None and place > here for place, _ in ran[begun + 1 :]):
        return cells[begin]  # something further down has changed what this one relies on
    return None


def source_of(name: str, cells: Sequence[Cell], runs: Sequence[Run]) -> Cell | None:
    """The cell that would give this name a meaning, and has not run."""
    *before, here = places(cells, runs)
    ran = {place for place, run in zip(before, runs, strict=False) if run.ok}
    giving = [i for i, cell in enumerate(cells) if i not in ran and name in cell.names()]
    above = [i for i in giving if here is None or i < here]
    return cells[(above or giving)[-1 if above else 0]] if giving else None


@dataclass
class Cells:
    """What has run in one kernel."""

    runs: list[Run] = field(default_factory=list)

    def before(self, info: Any) -> None:
        """A cell is about to run."""
        self.runs.append(Run(info.raw_cell or "", getattr(info, "cell_id", None)))

    def after(self, result: Any) -> None:
        """A cell has run."""
        if self.runs:
            self.runs[-1].ok = bool(result.success)

    def advice(self, error: BaseException) -> RunFirst | None:
        """What to run first, if that is what the error comes of."""
        cells = self._chapter()
        if not cells or not self.runs:
            return None
        if isinstance(error, NameError) and error.name:
            if (cell := source_of(error.name, cells, self.runs)) is not None:
                return RunFirst(f"`{error.name}` comes from {cell}. Run that one first.")
        if (cell := missing(cells, self.runs)) is None:
            return None
        first = str(error).partition("\n")[0]
        return RunFirst(
            f"This cell needs those above it, in their order. Run {cell} first, and then those "
            f"below it. (Without it: {type(error).__name__}: {first})"
        )

    def started_worker(self) -> Cell | None:
        """The cell that started the last worker."""
        cells = self._chapter()
        found = [place for place in places(cells, self.runs) if place is not None]
        starting = [cells[place] for place in found if ".start(" in cells[place].source]
        return starting[-1] if starting else None

    def _chapter(self) -> Sequence[Cell]:
        """The notebook that this kernel runs: the one that holds most of what was run."""
        told = os.environ.get("JPY_SESSION_NAME", "")
        here = [Path.cwd() / Path(told).name] if told.endswith(".ipynb") else []
        found = here + sorted(Path.cwd().glob("[0-9][0-9]_*.ipynb"))
        counted = [(sum(p is not None for p in places(c, self.runs)), c) for c in map(read, found)]
        best, cells = max(counted, key=lambda pair: pair[0], default=(0, ()))
        return cells if best else ()


_cells = Cells()


def started_worker() -> str:
    """Words for the cell that started a worker in this kernel; empty where none did."""
    cell = _cells.started_worker()
    return f" Run {cell} again to start one." if cell else ""


def load_ipython_extension(shell: Any) -> None:
    """Watch the cells of this kernel, and put what there is to say in place of a traceback."""
    if getattr(shell, "labkit_cells", None) is None:
        shell.labkit_cells = _cells
        shell.events.register("pre_run_cell", _cells.before)
        shell.events.register("post_run_cell", _cells.after)
        shell.set_custom_exc((Exception,), _show)


def _show(
    shell: Any,
    kind: type[BaseException],
    error: BaseException,
    trace: TracebackType,
    tb_offset: int | None = None,
) -> list[str] | None:
    """One line in place of the traceback where that says more; ``%tb`` still shows all of it."""
    said = _cells.advice(error) or (error if isinstance(error, LabkitError) else None)
    if said is None:
        shell.showtraceback((kind, error, trace), tb_offset=tb_offset, running_compiled_code=True)
        return None
    if isinstance(said, WorkerError) and (again := started_worker()):
        said.add_note(again.strip())
    sys.last_type, sys.last_value, sys.last_traceback = kind, error, trace
    lines = [f"{type(said).__name__}: {said}", *getattr(said, "__notes__", ())]
    shell._showtraceback(type(said), said, lines)
    return lines
