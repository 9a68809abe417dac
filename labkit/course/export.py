"""A learner's progress as one file to hand in or to take along, and back again.

    export_progress("Ann")                    # writes progress-ann.json
    restore_progress("progress-ann.json")     # adds what it holds to what is here

The file is what ``progress`` keeps and the learner's name: plain JSON, no code, nothing of Redis.
"""

from __future__ import annotations

import json
import re
import unicodedata
from dataclasses import dataclass
from pathlib import Path

from labkit.course.progress import Progress, keep, load
from labkit.course.show import print_line
from labkit.errors import CourseError

#: What tells an export from other JSON.
KIND = "labkit progress"
#: Characters of a name, and bytes of a file, beyond which it is none of ours.
LONGEST_NAME, LARGEST = 80, 1_000_000


@dataclass(frozen=True)
class Export:
    """One file: whose it is (empty when nobody said), and what was done."""

    name: str
    progress: Progress

    def write(self) -> str:
        """The text of the file."""
        stored = {"kind": KIND, "name": self.name, **json.loads(self.progress.write())}
        return json.dumps(stored, indent=1, ensure_ascii=False) + "\n"

    @classmethod
    def read(cls, file: Path) -> Export:
        """From a file.

        Raises:
          CourseError: it cannot be read, is no export, or one of a later labkit; names the file.
        """
        foreign = CourseError(f"{file} is no export of progress.")
        try:
            if file.stat().st_size > LARGEST:
                raise foreign
            text = file.read_text(encoding="utf-8")
            stored = json.loads(text)
        except OSError as error:
            raise CourseError(f"{file} cannot be read: {error.strerror}.") from None
        except (ValueError, RecursionError):
            raise foreign from None
        if not isinstance(stored, dict) or stored.get("kind") != KIND:
            raise foreign
        return cls(printable(str(stored.get("name", ""))), Progress.read(text, str(file)))


def printable(name: str) -> str:
    """A name that can stand in a line of a terminal, whoever wrote it."""
    kept = "".join(sign if sign.isprintable() else " " for sign in name[:LONGEST_NAME])
    return " ".join(kept.split())


def write_export(name: str = "", to: Path | None = None) -> Path:
    """Write the file: ``to``, or one in the current folder that is named after ``name``.

    Raises:
      CourseError: it cannot be written, or what is kept here is damaged.
    """
    name = printable(name)
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    words = re.findall(r"[a-z0-9]+", plain)
    place = to or Path("-".join(["progress", *words]) + ".json")
    try:
        place.write_text(Export(name, load()).write(), encoding="utf-8")
    except OSError as error:
        raise CourseError(f"{place} cannot be written: {error.strerror}.") from None
    return place


def export_progress(name: str = "") -> None:
    """Write what has been done into one file beside the notebook, and say which.

    Raises:
      CourseError: it cannot be written.
    """
    print_line(f"Written: {write_export(name)}")


def restore_progress(file: str | Path) -> None:
    """Add what a file holds to what has been done here; nothing that is here gets lost.

    Raises:
      CourseError: the file cannot be read, or is no export.
    """
    found = Export.read(Path(file)).progress
    keep(found)
    right = sum(found.marks.values())
    print_line(f"Restored: {len(found.marks)} answers, {right} of them right.")
