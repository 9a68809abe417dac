"""A worker's output as plain data: lines of pieces, each with the look that its colours meant.

Nothing of a terminal's control language is left over; secrets are masked as everywhere. The part of
a log line that is the same in each (time, process, thread) steps back, so that what a job printed
stands out.
"""

from __future__ import annotations

import re
from os import SEEK_END
from typing import TYPE_CHECKING

from labkit.redact import mask, safe_text, shorten

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

#: A piece: its look (names that the style sheet knows, with blanks between) and its text.
Piece = list[str]

#: Characters of one line.
WIDTH = 2_000
#: Of more than this between two looks, only the end is read.
_MOST_BYTES = 1_000_000

_ESCAPE = re.compile(r"\x1b(?:\[([0-9;:?]*)([@-~])|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[@-Z\\^_])")
_PREFIX = re.compile(r"^\[\d{4}-[\d-]+ [\d:,.]+\] \[PID \d+\] \[[^\]]*\] \[[^\]]*\] \[(\w+)\] ")
_WEIGHTS = {1: "bold", 2: "faint"}
_COLOURS = ("black", "red", "green", "yellow", "blue", "magenta", "cyan", "white")


class Tail:
    """The last lines of a file that grows; each look reads only what is new."""

    def __init__(self, path: Path, most: int) -> None:
        #: Pieces by the number of the line, as text, for that is what a view's keys are.
        self.lines: dict[str, list[Piece]] = {}
        self._path = path
        self._most = most
        self._offset = 0
        self._number = 0
        self._open = b""  # the last line, as long as nothing has ended it

    def read(self) -> None:
        """Look once more; a file that has gone, or cannot be read, has nothing new."""
        try:
            with self._path.open("rb") as file:
                end = file.seek(0, SEEK_END)
                if end - self._offset > _MOST_BYTES:
                    self._offset, self._open = end - _MOST_BYTES, b""
                file.seek(self._offset)
                new = file.read()
        except OSError:
            return
        if not new:
            return
        self._offset += len(new)
        *ended, self._open = (self._open + new).split(b"\n")
        skipped = max(0, len(ended) - self._most)
        self._number += skipped
        for line in ended[skipped:]:
            self.lines[str(self._number)] = read_line(line.decode("utf-8", "replace"))
            self._number += 1
        if self._open:
            self.lines[str(self._number)] = read_line(self._open.decode("utf-8", "replace"))
        for old in list(self.lines)[: -self._most]:
            del self.lines[old]


def read_line(line: str) -> list[Piece]:
    """One line; what a carriage return would have overwritten is left out."""
    line = line.rstrip("\r").rpartition("\r")[2]
    line = mask(line if len(line) <= WIDTH else shorten(line, WIDTH))
    known = _PREFIX.match(line)
    if known is None:
        return _pieces(line)
    level, end = known[1].lower(), known.end()
    message = [[f"{level} {look}".strip(), text] for look, text in _pieces(line[end:])]
    return [["prefix", safe_text(line[:end])], *message]


def _pieces(line: str) -> list[Piece]:
    pieces: list[Piece] = []
    look: dict[str, str] = {}
    at = 0
    for escape in _ESCAPE.finditer(line):
        _append(pieces, look, line[at : escape.start()])
        at = escape.end()
        if escape[2] == "m":
            _apply(look, escape[1])
    _append(pieces, look, line[at:])
    return pieces


def _append(pieces: list[Piece], look: dict[str, str], text: str) -> None:
    if text:
        pieces.append([" ".join(look.values()), safe_text(text)])


def _apply(look: dict[str, str], codes: str) -> None:
    numbers = iter([int(code) if code.isdigit() else 0 for code in re.split("[;:]", codes)])
    for number in numbers:
        if number == 0:
            look.clear()
        elif number in _WEIGHTS:
            look["weight"] = _WEIGHTS[number]
        elif number == 22:
            look.pop("weight", None)
        elif number == 39:
            look.pop("colour", None)
        elif number == 38:
            look["colour"] = _nearest(numbers)
        elif number == 48:  # behind the text: its numbers are taken, and mean nothing here
            _nearest(numbers)
        elif 30 <= number <= 37 or 90 <= number <= 97:
            look["colour"] = _COLOURS[number % 10]


def _nearest(numbers: Iterator[int]) -> str:
    """A colour out of 256, or given in red, green and blue, as the one of eight that is nearest."""
    if next(numbers, 0) == 2:
        parts = [next(numbers, 0) for _ in range(3)]
    else:
        number = next(numbers, 0)
        if number < 16:
            return _COLOURS[number % 8]
        cube = number - 16
        parts = [cube // 36 * 51, cube // 6 % 6 * 51, cube % 6 * 51]
        if number >= 232:
            parts = [(number - 232) * 11] * 3
    # Its hue is what stands out of its darkest part; where next to nothing does, it is grey.
    least, most = min(parts), max(parts)
    limit = (least + most) / 2 if most - least > 40 else 127
    return _COLOURS[sum(2**place for place, part in enumerate(parts) if part > limit)]
