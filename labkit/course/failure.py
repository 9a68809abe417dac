"""An error of the learner's own code, told with the line in which it arose."""

from __future__ import annotations

import linecache
from traceback import walk_tb


def learners_lines(error: BaseException) -> list[str]:
    """The lines of a notebook's cells that the error went through, innermost last.

    A line is empty where its text is not known.
    """
    return [
        linecache.getline(frame.f_code.co_filename, number).strip()
        for frame, number in walk_tb(error.__traceback__)
        if frame.f_globals.get("__name__") == "__main__"
    ]


def told(error: BaseException) -> str:
    """``KeyError: 'actor'``, and the learner's line, if it arose in one."""
    text = f"{type(error).__name__}: {error}".rstrip(": ")
    line = next(reversed(learners_lines(error)), "")
    return f"{text}, in `{line}`" if line else text
