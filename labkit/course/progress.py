"""What the learner has done: one small file under the root, and the map of the course.

``.labkit/progress.json`` holds a mark for each thing that was answered, ``right`` or ``wrong``.
What was right once stays right. Nothing is written until something is answered.
"""

from __future__ import annotations

import fcntl
import json
from pathlib import Path

from labkit.course import chapters
from labkit.course.show import Tone, card, show, table
from labkit.errors import CourseError
from labkit.settings import Settings

FORMAT = 1


def path() -> Path:
    """Where progress is kept."""
    return Settings().state_dir / "progress.json"


def marks() -> dict[str, bool]:
    """Everything answered so far: id -> whether it was right.

    Raises:
      CourseError: the file is damaged, or of a later labkit.
    """
    try:
        stored = json.loads(path().read_text(encoding="utf-8"))
        if stored["format"] != FORMAT:
            raise CourseError(
                f"{path()} was written by another labkit. Move it away to begin anew."
            )
        return {str(key): mark == "right" for key, mark in stored["marks"].items()}
    except FileNotFoundError:
        return {}
    except (ValueError, KeyError, TypeError, AttributeError):
        raise CourseError(f"{path()} is damaged. Move it away to begin anew.") from None


def record(key: str, right: bool) -> None:
    """Keep one mark; two notebooks may do so at once."""
    place = path()
    place.parent.mkdir(parents=True, exist_ok=True)
    with place.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        known = marks()
        if known.get(key) or known.get(key) == right:
            return
        known[key] = right
        words = {name: "right" if mark else "wrong" for name, mark in sorted(known.items())}
        fresh = place.with_suffix(".new")
        content = json.dumps({"format": FORMAT, "marks": words}, indent=1) + "\n"
        fresh.write_text(content, encoding="utf-8")
        fresh.replace(place)


def progress() -> None:
    """Show the map of the course, with what is done of each chapter."""
    known = marks()
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
    widths = [max(len(line[i]) for line in [head, *rows]) for i in range(len(head))]
    text = "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in [head, *rows]
    )
    title = "The map of the course"
    show(f"{title}\n{text}\n{note}", card(Tone.PLAIN, title, [], table(head, rows, links) + note))


def _share(known: dict[str, bool], ids: list[str], else_word: str) -> str:
    if not ids:
        return "–"
    right = sum(known.get(key, False) for key in ids)
    tried = sum(key in known for key in ids)
    return f"{right} of {len(ids)}" + (f", {tried - right} {else_word}" if tried > right else "")
