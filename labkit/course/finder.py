"""A table with a field to search in: each row that holds all of the words stays.

The page has all rows, and looks through them itself; nothing comes back to Python.
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib.resources import files

import traitlets

from labkit.widgets.live import WholeWidget, front_end, writing


def _read(name: str) -> str:
    return files("labkit.course").joinpath(name).read_text(encoding="utf-8")


class Finder(WholeWidget):
    """The table; ``rows`` have a text for each word of ``head``, with `code` between backticks."""

    _esm = _read("finder.js")
    _css = front_end("live.css") + _read("finder.css")

    title = traitlets.Unicode().tag(sync=True)
    head: traitlets.List[str] = traitlets.List().tag(sync=True)
    rows: traitlets.List[list[str]] = traitlets.List().tag(sync=True)
    words = traitlets.Unicode().tag(sync=True)


_shown: dict[str, Finder] = {}


def present(title: str, head: Sequence[str], rows: Sequence[Sequence[str]], words: str) -> Finder:
    """The widget, in place of the one of the same title that an earlier run has shown."""
    if title in _shown:
        _shown.pop(title).close()
    with writing:
        made = Finder(title=title, head=list(head), rows=[list(row) for row in rows], words=words)
    _shown[title] = made
    return made
