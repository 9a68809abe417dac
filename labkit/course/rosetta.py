"""The guide's words and this course's, side by side: what ``rosetta.toml`` holds, to be searched.

    rosetta()            # a search field, and below it the lines that fit
    rosetta("drain")     # the same, with a word in the field

``python -m tools.rosetta`` makes docs/rosetta.md of the same lines, and holds them against Sidekiq.
"""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from labkit.course.show import columns, show, table
from labkit.errors import CourseError

KINDS = ("python", "shell", "file", "word")
HEAD = ("In the guide", "Here", "Where they differ")


@dataclass(frozen=True)
class Entry:
    """One line: a command, an option, a file, a key or a term, and its twin.

    Parameters:
      section: The guide's heading that it stands under.
      ruby: As the guide has it.
      twin: The same here.
      differs: What behaves otherwise, in a line.
      kind: What the twin is, of ``KINDS``.
      holds: Python that is true when the twin has run.
      until: Of a command that does not end, what it has written once it is up.
      check: Ruby that is true of Sidekiq.
      testing: Whether ``check`` wants ``sidekiq/testing``.
    """

    section: str
    ruby: str
    twin: str
    differs: str
    kind: str = "python"
    holds: str = ""
    until: str = ""
    check: str = ""
    testing: bool = False

    @property
    def shown(self) -> str:
        """The twin as it is written in a sentence: code between backticks, a term without."""
        return self.twin if self.kind == "word" else f"`{self.twin}`"

    def fits(self, words: Sequence[str]) -> bool:
        """Whether each of these words stands somewhere in the line, in any case."""
        text = " ".join((self.section, self.ruby, self.twin, self.differs)).casefold()
        return all(word.casefold() in text for word in words)


@cache
def entries() -> tuple[Entry, ...]:
    """All lines, in the guide's order."""
    text = files("labkit.course").joinpath("rosetta.toml").read_text(encoding="utf-8")
    return tuple(Entry(**line) for line in tomllib.loads(text)["entry"])


def rosetta(words: str = "") -> None:
    """Show what the guide's words are called here; of many, those in which all of ``words`` stand.

    In a live notebook there is a field to search in. A closed one has the lines themselves.

    Raises:
      CourseError: ``words`` is no text.
    """
    if not isinstance(words, str):
        raise CourseError(f'rosetta("drain") takes the words to look for, and not {words!r}.')
    from labkit.course.finder import present

    found = [entry for entry in entries() if entry.fits(words.split())]
    rows = [(f"`{entry.ruby}`", entry.shown, entry.differs) for entry in found]
    text = columns([HEAD[:2], *((entry.ruby, _first(entry.twin)) for entry in found)])
    title = "The guide’s words, and ours"
    show(text, table(HEAD, rows, {}), present(title, HEAD, _all_rows(), words))


def _all_rows() -> list[tuple[str, ...]]:
    return [(f"`{entry.ruby}`", entry.shown, entry.differs) for entry in entries()]


def _first(code: str) -> str:
    head, more, _ = code.partition("\n")
    return f"{head} …" if more else head
