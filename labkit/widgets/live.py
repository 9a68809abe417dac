"""What labkit's widgets share: a view of plain data, sent as changes, and a page's wishes.

A widget has one synced trait, ``view``. Python keeps the whole of it; what travels is each time the
difference to what went before (a JSON merge patch, RFC 7396), numbered, so that a page which misses
one notices, and asks for the whole. A page that opens anew gets the whole at once.

Pages send messages, never traits. A message that wants something carries ``ask``, the page's name
and a number, which comes back in the view's ``answered`` once it is done: until then the page shows
it as pending, be it that the kernel is busy or that Redis is slow.
"""

from __future__ import annotations

import json
import re
import threading
from importlib.resources import files
from typing import Any, ClassVar

import anywidget
import traitlets

from labkit.widgets.cells import take_place

#: Widgets are written from several threads, and ipywidgets is made for one: hold this meanwhile.
writing = threading.RLock()
#: Pages whose messages are answered; of more, the newest.
_PAGES = 16
#: Bytes that Jupyter puts around a change: its headers.
_ENVELOPE = 700
#: The files that each widget's module begins with.
SHARED = ("nodes.js", "words.js", "shapes.js", "live.js")
_COMMENT = re.compile(r"//.*|/\*.*\*/")


def front_end(*names: str) -> str:
    """The source of a widget's front end: our files, joined. One module needs no build step.

    Each page that opens gets all of it, so lines of comment alone and indentation stay behind.
    """
    # Text and not a Path: anywidget would watch the file, and keep every instance alive for that.
    folder = files("labkit.widgets")
    text = "\n".join(folder.joinpath(name).read_text(encoding="utf-8") for name in names)
    lines = (line.strip() for line in text.splitlines())
    return "\n".join(line for line in lines if line and not _COMMENT.fullmatch(line))


class WholeWidget(anywidget.AnyWidget):
    """A widget that is closed whole, and by nobody but who means it."""

    def close(self) -> None:
        """Give up everything, also the layout, which ipywidgets would keep for ever."""
        with writing:
            layout = self.layout
            super().close()
            layout.close()

    def __del__(self) -> None:
        """Not ipywidgets' own, which closes, and so waits for a lock.

        The collector may come in any thread at any moment: in one that is just starting, while
        who started it holds that lock and waits for it. Nothing is lost, for ipywidgets keeps a
        widget until it is closed.
        """


class LiveWidget(WholeWidget):
    """A widget with a view. Subclasses set ``_esm`` and ``_css``, and call ``publish``."""

    view = traitlets.Dict().tag(sync=True)

    #: Kept in a stored notebook in place of the widget: static, so that it compares as equal.
    _stands_in: ClassVar[str] = ""

    def __init__(self, whole: dict[str, Any], **traits: Any) -> None:
        self._whole = whole
        self._revision = 0
        self._heard: dict[str, int] = {}
        self._closed = False
        super().__init__(view={"revision": 0, "whole": whole}, **traits)
        self.on_msg(self._hear)
        take_place(self)

    def publish(self, whole: dict[str, Any]) -> int:
        """Show ``whole`` from now on; returns how many bytes of changes that sends (0 for none).

        Its values are what JSON has, without None. A change of ``clock`` alone is none: it
        travels with others.
        """
        with writing:
            if self._closed:
                return 0
            patch = difference(self._whole, whole)
            if not patch.keys() - {"clock"}:
                return 0
            self._revision += 1
            self._whole = whole
            self.view = {"revision": self._revision, "base": self._revision - 1, "patch": patch}
            return len(json.dumps(patch)) + _ENVELOPE

    def update(self, **changes: Any) -> int:
        """Show the same as before but for these."""
        with writing:
            return self.publish({**self._whole, **changes})

    def get_state(self, key: Any = None, drop_defaults: bool = False) -> dict[str, Any]:
        """The synced traits; who asks for all of them gets the whole view, not the last change."""
        state: dict[str, Any] = super().get_state(key, drop_defaults)
        if key is None and "view" in state:
            state["view"] = {"revision": self._revision, "whole": self._whole}
        return state

    def hear(self, message: dict[str, Any]) -> None:
        """Do what a page wants, and publish; ``answers`` belongs into the view once it is done."""

    def answers(self) -> dict[str, int]:
        """The number of the last message of each page: those up to it have been heard."""
        return dict(self._heard)

    def _hear(self, _widget: Any, message: Any, _buffers: Any) -> None:
        if not isinstance(message, dict) or self._closed:
            return
        if message.get("kind") == "whole":
            with writing:
                self._revision += 1
                self.view = {"revision": self._revision, "whole": self._whole}
            return
        with writing:
            match message.get("ask"):
                case [str(page), int(number)] if len(page) < 40:
                    self._heard[page] = number
                    while len(self._heard) > _PAGES:
                        del self._heard[next(iter(self._heard))]
            self.hear(message)

    def close(self) -> None:
        """Give up the widget and what it holds; may be called again."""
        with writing:
            if not self._closed:
                self._closed = True
                super().close()

    def __repr__(self) -> str:
        return f"{type(self).__name__}()"

    def _repr_mimebundle_(self, **kwargs: Any) -> Any:
        bundle: Any = super()._repr_mimebundle_(**kwargs)
        data = bundle[0] if isinstance(bundle, tuple) else bundle
        data["text/html"] = self._stands_in
        return bundle


def difference(old: dict[str, Any], new: dict[str, Any]) -> dict[str, Any]:
    """The merge patch (RFC 7396) that turns ``old`` into ``new``; None in it means: no longer."""
    patch: dict[str, Any] = dict.fromkeys(old.keys() - new.keys())
    for key, value in new.items():
        before = old.get(key)
        if isinstance(value, dict) and isinstance(before, dict):
            if inner := difference(before, value):
                patch[key] = inner
        elif key not in old or before != value:
            patch[key] = value
    return patch
