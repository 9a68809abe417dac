"""labkit.course.failure: an error, told with the line of the learner's own code."""

from __future__ import annotations

import linecache
from typing import Any

import pytest

from labkit.course.failure import told

CELL = "def answer(found):\n    return found['actor']\n"


def error_of(function: Any, *given: Any) -> Exception:
    with pytest.raises(Exception) as caught:  # noqa: PT011
        function(*given)
    return caught.value


@pytest.fixture
def answer() -> Any:
    """A function of a notebook's cell: its module is ``__main__``, its source in the line cache."""
    linecache.cache["<cell>"] = (len(CELL), None, CELL.splitlines(keepends=True), "<cell>")
    names: dict[str, Any] = {"__name__": "__main__"}
    exec(compile(CELL, "<cell>", "exec"), names)  # noqa: S102
    yield names["answer"]
    del linecache.cache["<cell>"]


def test_the_learners_line_stands_beside_the_error(answer: Any) -> None:
    found = told(error_of(answer, {}))
    assert found == "KeyError: 'actor', in your line `return found['actor']`"


def test_an_error_of_the_checks_own_has_no_line_of_the_learners(answer: Any) -> None:
    assert (
        told(error_of(answer))
        == "TypeError: answer() missing 1 required positional argument: 'found'"
    )


def test_an_error_without_a_text_has_no_colon() -> None:
    assert told(AssertionError()) == "AssertionError"
