"""A chapter's cells run in any order: an error that comes of it names the cell to run.

A cell leans on those above it. Where one fails, and those above it have not run in their order in
this kernel, the traceback would be about something else than what went wrong; in its place stands
one line. An error in a chapter that was run from the top stays as it is. A cell that goes well all
the same may show something else than the text says, so the line stands below what it shows.

``labkit lab`` loads this into each kernel, so that it also helps where ``%load_ext labkit`` was
forgotten; that line loads it in any other.
"""

from __future__ import annotations

import os
import re
import sys
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any

from labkit.cell import Cell, read
from labkit.errors import CourseError, LabkitError, WorkerError

Handler = Callable[..., list[str] | None]


class RunFirst(CourseError):
    """A cell failed, and one above it has not been run."""


@dataclass
class Run:
    """One run of a cell in this kernel."""

    source: str
    id: str | None
    ok: bool = False
    warned: bool = False


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


def missing(cells: Sequence[Cell], runs: Sequence[Run], *, first: bool = False) -> Cell | None:
    """The cell to run before the one that ran last can do its part; None if all was in order.

    What ran before the chapter last began anew (its ``fresh`` cell) does not count. Of a cell that
    ran more than once the last run counts, or with ``first`` the first.
    """
    ran = list(zip(places(cells, runs), (run.ok for run in runs), strict=True))
    here = ran[-1][0]
    if here is None:
        return None
    begin = next(
        (i for i, cell in enumerate(cells) if re.search(r"^fresh\(", cell.source, re.M)), 0
    )
    begun = max((i for i, (place, ok) in enumerate(ran) if place == begin and ok), default=-1)
    if first:
        again = (i for i, run in enumerate(ran) if run == (here, True) and i > begun)
        ran = ran[: next(again, len(ran)) + 1]
    last = 0
    for place, cell in enumerate(cells[:here]):
        since = 0 if place < begin else begun
        done = [
            i
            for i, (other, ok) in enumerate(ran[:-1])
            if other == place and i >= since and (ok or cell.fails)
        ]
        if not cell.matters:
            continue
        when = done[0 if first else -1] if done else -1
        if not done or (place >= begin and when < last):
            return cell
        last = max(last, when) if place >= begin else 0
    below = {place for place, _ in ran[begun + 1 :] if place is not None and place > here}
    if begin <= here and any(cells[place].matters for place in below):
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
    shows_warning: Callable[..., None] = warnings.showwarning

    def before(self, info: Any) -> None:
        """A cell is about to run."""
        self.runs.append(Run(info.raw_cell or "", getattr(info, "cell_id", None)))

    def warn(self, *warning: Any, **options: Any) -> None:
        """Show a warning, and note that the cell has given one."""
        if self.runs:
            self.runs[-1].warned = True
        self.shows_warning(*warning, **options)

    def after(self, result: Any) -> None:
        """A cell has run."""
        info = result.info
        if info is not None and (not self.runs or self.runs[-1].source != (info.raw_cell or "")):
            self.before(info)  # the cell in which this was loaded had begun before that
        if self.runs:
            self.runs[-1].ok = bool(result.success)
            if result.success and (cell := self.out_of_order()):
                # What a learner reads below a cell is this module's business: no logger.
                print(  # noqa: T201
                    f"What you see may differ from the text, for the cells above have not run in "
                    f"their order. Run {cell} first, and then those below it."
                )

    def out_of_order(self) -> Cell | None:
        """The cell to run first where the last one shows something that may not be the right thing.

        One that was in order at its first run, or is now, may be run as often as anybody likes.
        """
        cells = self._chapter()
        here = places(cells, self.runs)[-1] if cells and self.runs else None
        is_told = here is not None and (cells[here].tells or self.runs[-1].warned)
        is_wrong = is_told and missing(cells, self.runs, first=True)
        return missing(cells, self.runs) if is_wrong else None

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

    def lacking(self) -> Cell | None:
        """The cell that has not run and on which the one that runs now leans."""
        cells = self._chapter() if self.runs else ()
        return missing(cells, self.runs) if cells else None

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
        for found in (here, sorted(Path.cwd().glob("[0-9][0-9]_*.ipynb"))):
            known = [
                (sum(p is not None for p in places(c, self.runs)), c) for c in map(read, found)
            ]
            best, cells = max(known, key=lambda pair: pair[0], default=(0, ()))
            if best:
                return cells
        return ()


_cells = Cells()


def started_worker() -> str:
    """Words for the cell that started a worker in this kernel; empty where none did."""
    cell = _cells.started_worker()
    return f" Run {cell} again to start one." if cell else ""


def run_first() -> str:
    """Words for the cell on which the one that runs now leans; empty where all of them have run."""
    cell = _cells.lacking()
    return f" Run {cell} first, and then those below it." if cell else ""


def load_ipython_extension(shell: Any) -> None:
    """Watch the cells of this kernel, and put what there is to say in place of a traceback."""
    if getattr(shell, "labkit_cells", None) is None:
        shell.labkit_cells = _cells
        shell.events.register("pre_run_cell", _cells.before)
        shell.events.register("post_run_cell", _cells.after)
        shell.set_custom_exc((Exception,), _show)
        warnings.showwarning = _cells.warn


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
