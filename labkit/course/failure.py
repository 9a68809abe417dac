"""An error of the learner's own code, told with the line in which it arose."""

from __future__ import annotations

import linecache
from traceback import walk_tb


def told(error: BaseException) -> str:
    """``KeyError: 'actor'``, and the line of the notebook's cell in which it arose, if it did."""
    text = f"{type(error).__name__}: {error}".rstrip(": ")
    for frame, number in reversed(list(walk_tb(error.__traceback__))):
        line = linecache.getline(frame.f_code.co_filename, number).strip()
        if frame.f_globals.get("__name__") == "__main__" and line:
            return f"{text}, in your line `{line}`"
    return text
