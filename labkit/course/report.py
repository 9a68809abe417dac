"""What a room has done, from the exports that its learners handed in: a page of plain text.

Whoever reads it sees who has come how far, which exercise is still open for whom, and which
misconception was met how often. A file that is none is named at the end, with the reason.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from labkit.course import chapters
from labkit.course.export import Export, printable
from labkit.course.progress import Progress
from labkit.course.show import columns
from labkit.errors import CourseError

#: Names that a line lists before it only counts.
NAMED = 8


@dataclass(frozen=True)
class Report:
    """Everybody's progress by name, and why the other files could not be read."""

    learners: Mapping[str, Progress]
    unreadable: Mapping[str, str]

    @classmethod
    def of(cls, folder: Path) -> Report:
        """From all files in a folder and in those below it, hidden ones left out.

        Raises:
          CourseError: there is no such folder, or no export in it.
        """
        found: list[tuple[str, Path, Progress]] = []
        unreadable: dict[str, str] = {}
        for file in _files(folder):
            place = file.relative_to(folder)
            try:
                export = Export.read(file)
                found.append((export.name or printable(file.stem), place, export.progress))
            except CourseError as error:
                unreadable[printable(str(place))] = printable(str(error).removeprefix(f"{file} "))
        if not found:
            more = "".join(f"\n  {name} {why}" for name, why in unreadable.items())
            raise CourseError(f"There is no export of progress in {folder}.{more}")
        often = Counter(name for name, _, _ in found)
        learners = {
            name if often[name] == 1 else f"{name} ({printable(str(place))})": done
            for name, place, done in sorted(found, key=lambda entry: (entry[0].lower(), entry[1]))
        }
        return cls(learners, unreadable)

    def exercises(self) -> dict[str, dict[str, list[str]]]:
        """Of each exercise that somebody tried, who has passed it, and who has only tried."""
        known = [key for chapter in chapters.every() for key in chapter.ids()["exercises"]]
        tried = {
            key: {
                word: [name for name, done in self.learners.items() if done.marks.get(key) is mark]
                for word, mark in (("passed", True), ("tried", False))
            }
            for key in known
        }
        return {key: names for key, names in tried.items() if names["passed"] or names["tried"]}

    def misconceptions(self) -> list[tuple[str, str, int, int]]:
        """Each that was met: its id, what its owner believes, by how many, how often in all."""
        beliefs = {
            f"{chapter.number}.{name}": wrong.belief
            for chapter in chapters.every()
            for name, wrong in chapter.misconceptions.items()
        }
        counts = {
            key: [done.met[key] for done in self.learners.values() if done.met.get(key)]
            for key in beliefs
        }
        met = [(key, beliefs[key], len(n), sum(n)) for key, n in counts.items() if n]
        return sorted(met, key=lambda row: (-row[2], -row[3], row[0]))

    def as_json(self) -> dict[str, Any]:
        """The same for a program to read, each mark included."""
        keys = ("id", "belief", "learners", "times")
        return {
            "learners": {
                name: {"marks": dict(done.marks), "met": dict(done.met)}
                for name, done in self.learners.items()
            },
            "exercises": self.exercises(),
            "misconceptions": [dict(zip(keys, row, strict=True)) for row in self.misconceptions()],
            "unreadable": dict(self.unreadable),
        }

    def __str__(self) -> str:
        return "\n\n".join(self._parts())

    def _parts(self) -> Iterator[str]:
        yield f"{len(self.learners)} learners: exercises passed, and questions right, by chapter"
        yield columns(list(self._by_chapter()))
        if rows := [
            [key, str(len(names["passed"])), str(len(names["tried"])), _list(names["tried"])]
            for key, names in self.exercises().items()
        ]:
            yield columns([["Exercise", "Passed", "Tried", "Tried, and not passed yet"], *rows])
        if met := self.misconceptions():
            head = ["Misconception", "Learners", "Times", "What they believe"]
            yield columns(
                [head, *([key, str(n), str(times), belief] for key, belief, n, times in met)]
            )
        if self.unreadable:
            yield "\n".join(
                ["Not read:", *(f"  {name} {why}" for name, why in self.unreadable.items())]
            )

    def _by_chapter(self) -> Iterator[list[str]]:
        met = {key.partition(".")[0] for done in self.learners.values() for key in done.marks}
        shown = {c.number: c.ids() for c in chapters.every() if c.number in met}
        every = {
            key for chapter in chapters.every() for ids in chapter.ids().values() for key in ids
        }
        strange = any(done.marks.keys() - every for done in self.learners.values())
        yield ["Learner", *shown, *(["Not of this course"] if strange else [])]
        for name, done in self.learners.items():
            row = [name]
            for ids in shown.values():
                right = {kind: sum(done.marks.get(key, False) for key in ids[kind]) for kind in ids}
                row.append(
                    " ".join(f"{right[kind]}/{len(ids[kind])}" for kind in ("exercises", "quiz"))
                )
            yield [*row, *([str(len(done.marks.keys() - every))] if strange else [])]


def _files(folder: Path) -> Iterator[Path]:
    if not folder.is_dir():
        raise CourseError(f"{folder} is no folder.")
    for file in sorted(folder.rglob("*")):
        hidden = any(part.startswith(".") for part in file.relative_to(folder).parts)
        if not hidden and file.is_file():
            yield file


def _list(names: list[str]) -> str:
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    return ", ".join(names[:NAMED]) + more
