"""What the learner has done: one small file under the root, and the map of the course.

``.labkit/progress.json`` holds a mark for each thing that was answered, ``right`` or ``wrong``,
and how often each misconception was met. What was right once stays right. Nothing is written until
something is answered.
"""

from __future__ import annotations

import fcntl
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from labkit.course import chapters
from labkit.course.show import Tone, card, columns, show, table
from labkit.errors import CourseError
from labkit.settings import Settings

FORMAT = 1
#: More meetings than anybody has; what says more is no file of ours.
MOST = 1_000_000


def path() -> Path:
    """Where progress is kept."""
    return Settings().state_dir / "progress.json"


@dataclass(frozen=True)
class Progress:
    """What one learner has done: id -> whether it was right; misconception -> times met."""

    marks: dict[str, bool] = field(default_factory=dict)
    met: dict[str, int] = field(default_factory=dict)

    @classmethod
    def read(cls, text: str, source: str) -> Self:
        """From the text of a file; ``source`` names it in an error.

        Raises:
          CourseError: the text is damaged, or of a later labkit.
        """
        try:
            stored = json.loads(text)
            if stored["format"] != FORMAT:
                raise CourseError(f"{source} was written by another labkit. Move it away.")
            marks = {str(key): _RIGHT[mark] for key, mark in stored["marks"].items()}
            return cls(marks, {key: _count(n) for key, n in stored.get("met", {}).items()})
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            raise CourseError(f"{source} is damaged. Move it away to begin anew.") from None

    def write(self) -> str:
        """The text of a file."""
        words = {key: "right" if mark else "wrong" for key, mark in sorted(self.marks.items())}
        stored = {"format": FORMAT, "marks": words, "met": dict(sorted(self.met.items()))}
        return json.dumps(stored, indent=1) + "\n"

    def merged(self, other: Progress) -> Progress:
        """Both: right where one of them is, and the greater number of meetings."""
        marks = {key: other.marks.get(key, False) or mark for key, mark in self.marks.items()}
        met = {key: max(count, other.met.get(key, 0)) for key, count in self.met.items()}
        return Progress({**other.marks, **marks}, {**other.met, **met})


_RIGHT = {"right": True, "wrong": False}


def _count(number: object) -> int:
    if type(number) is int and 0 <= number <= MOST:
        return number
    raise ValueError(f"{number!r} is no number of meetings")


def load() -> Progress:
    """What has been done under this root.

    Raises:
      CourseError: the file is damaged, or of a later labkit.
    """
    try:
        return Progress.read(path().read_text(encoding="utf-8"), str(path()))
    except FileNotFoundError:
        return Progress()


def record(key: str, right: bool, met: str | None = None) -> None:
    """Keep one mark, and the misconception that was met with it if one was."""
    keep(Progress({key: right}), met)


def keep(done: Progress, met: str | None = None) -> None:
    """Add to what is kept, and lose nothing of it; two notebooks may do so at once.

    Raises:
      CourseError: the file is damaged, or of a later labkit.
    """
    place = path()
    place.parent.mkdir(parents=True, exist_ok=True)
    with place.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        before = load()
        after = before.merged(done)
        if met is not None:
            after.met[met] = after.met.get(met, 0) + 1
        if after != before:
            fresh = place.with_suffix(".new")
            fresh.write_text(after.write(), encoding="utf-8")
            fresh.replace(place)


def progress() -> None:
    """Show the map of the course, with what is done of each chapter."""
    known = load().marks
    head = ["Chapter", "", "Minutes", "Predictions", "Exercises", "Quiz"]
    rows, links = [], {}
    for chapter in chapters.every():
        ids = chapter.ids()
        rows.append(
            [
                chapter.number,
                chapter.title,
                str(chapter.minutes),
                # A prediction that missed has been made all the same: that is how one learns.
                _share(known, ids["predictions"], "missed"),
                _share(known, ids["exercises"], "tried"),
                _share(known, ids["quiz"], "tried"),
            ]
        )
        links[chapter.title] = f"{chapter.notebook}.ipynb"
    done = sum(known.values())
    note = f"{done} answered right so far." if done else "Nothing answered yet."
    title = "The map of the course"
    show(
        f"{title}\n{columns([head, *rows])}\n{note}",
        card(Tone.PLAIN, title, [], table(head, rows, links) + note),
    )


def _share(known: dict[str, bool], ids: list[str], else_word: str) -> str:
    if not ids:
        return "–"
    right = sum(known.get(key, False) for key in ids)
    tried = sum(key in known for key in ids)
    return f"{right} of {len(ids)}" + (f", {tried - right} {else_word}" if tried > right else "")
