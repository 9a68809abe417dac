"""Which cell makes a widget: one that runs again takes the place of what its earlier run made.

ipywidgets keeps every widget until it is closed, so a cell run fifty times would keep fifty boards.
"""

from __future__ import annotations

import hashlib
import weakref
from typing import Any, Protocol


class Closable(Protocol):
    """A widget, for this purpose."""

    def close(self) -> None:
        """Give up everything."""


#: cell -> the run of it that came last, and the widgets which that run made.
_made: dict[str, tuple[str, weakref.WeakSet[Any]]] = {}


def take_place(widget: Closable) -> None:
    """Close what an earlier run of this cell made; outside a notebook nothing happens."""
    cell, run = _current_cell()
    if not cell:
        return
    earlier_run, widgets = _made.get(cell, ("", weakref.WeakSet()))
    if earlier_run != run:
        for old in list(widgets):
            old.close()
        _made[cell] = run, weakref.WeakSet([widget])
    else:
        widgets.add(widget)


def _current_cell() -> tuple[str, str]:
    """A name for the cell that runs now, and one for this run of it."""
    try:
        from IPython.core.getipython import get_ipython

        parent: Any = get_ipython().get_parent()  # type: ignore[union-attr]
        run = str(parent["header"]["msg_id"])
    except (ImportError, AttributeError, KeyError, TypeError):
        return "", ""
    # A front end that names no cells: the same text is then taken for the same cell.
    text = str(parent.get("content", {}).get("code", ""))
    fallback = hashlib.sha256(text.encode(errors="replace")).hexdigest()
    return str(parent.get("metadata", {}).get("cellId") or fallback), run
