"""Exercises: a stub to fill in, a check of what it did, hints, and a solution on request.

A check judges effects (jobs in Redis, rows in the database), never the text of the code. Each
exercise brings its own examples, right and wrong; ``contract`` runs them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from labkit.cell_order import run_first
from labkit.course import chapters
from labkit.course.failure import told
from labkit.course.misconception import behind_message
from labkit.course.progress import record
from labkit.course.show import Tone, card, say, sentence, show, source
from labkit.errors import CourseError, LabkitError

if TYPE_CHECKING:
    from labkit.course.keep import Keep


class Wrong(CourseError):
    """Raised by a check: the answer shows a misconception, which the message names."""


class NotAttempted(CourseError):
    """Raised by a check: the stub is still as it was."""


#: Source, a part of the message that it gets, and perhaps the name of a misconception.
WrongAnswer = tuple[str, str] | tuple[str, str, str]


@dataclass(frozen=True)
class Exercise:
    """A task for the learner, with all that its check needs to be trusted.

    Parameters:
      prompt: What to do.
      check: Is given what the learner passes to ``check(id, …)``; raises ``Wrong`` or returns.
      hints: From a nudge to nearly there; none of them is the solution.
      stub: The source of the cell that the learner edits. It runs as it stands, and leaves ``...``
        in the names that are to be filled.
      given: The names that the notebook's check cell passes, in order.
      solution: Source that passes, put in the stub's place.
      also_correct: Source that passes and goes about it otherwise.
      wrong: (source, part of the message, and where one stands behind it the name of the
        chapter's misconception): mistakes that people make, three or more.
      setup: Source of what stands before the exercise in the notebook, imports above all.
      praise: Said when it passes: one more thing worth knowing.
      keep: Where the learner may keep it, with a test, if it is worth keeping.
    """

    prompt: str
    check: Callable[..., None]
    hints: Sequence[str]
    stub: str
    given: Sequence[str]
    solution: str
    also_correct: str
    wrong: Sequence[WrongAnswer]
    setup: str = ""
    praise: str = ""
    keep: Keep | None = None


@dataclass(frozen=True)
class Verdict:
    """What a check found: ``right`` is None when there was nothing to judge."""

    right: bool | None
    message: str


_hints_shown: dict[str, int] = {}


def judge(key: str, *given: Any) -> Verdict:
    """Check an answer and say nothing about it.

    Raises:
      CourseError: no such exercise.
    """
    task = chapters.exercise(key)
    if any(value is ... for value in given):
        return Verdict(None, "")
    try:
        task.check(*given)
    except NotAttempted as error:
        return Verdict(None, str(error))
    except Wrong as error:
        return Verdict(False, str(error))
    except LabkitError as error:
        return Verdict(None, f"The check could not be made: {error}{run_first()}")
    except Exception as error:
        return Verdict(False, f"it ended with {told(error)}. Is it of the kind that was asked for?")
    return Verdict(True, task.praise)


def check(key: str, *given: Any) -> None:
    """Check the answer to an exercise, and say what is right or wrong about it.

    Raises:
      CourseError: no such exercise.
    """
    verdict = judge(key, *given)
    if verdict.right is None:
        todo = "Fill in the cell above, run it, and run this cell again."
        say(Tone.PLAIN, "Not attempted yet.", verdict.message or todo, _help_line(key))
        return
    record(key, verdict.right, None if verdict.right else behind_message(key, verdict.message))
    if verdict.right:
        say(Tone.RIGHT, "Correct.", verdict.message)
    else:
        say(Tone.WRONG, f"Not yet: {sentence(verdict.message)}", _help_line(key))


def _help_line(key: str) -> str:
    return f'Stuck? `hint("{key}")` gives a hint, `solution("{key}")` a solution.'


def assignment(key: str) -> None:
    """Show what is to be done, and the two cells to begin with.

    Raises:
      CourseError: no such exercise.
    """
    task = chapters.exercise(key)
    cells = [task.setup, task.stub, f'check("{key}", {", ".join(task.given)})']
    code = "\n\n".join(cell.strip() for cell in cells if cell.strip())
    show(f"{task.prompt}\n{code}", card(Tone.PLAIN, f"Exercise: {task.prompt}", [], source(code)))


def hint(key: str, number: int | None = None) -> None:
    """Show the next hint, or the one of this number (from 1).

    Raises:
      CourseError: no such exercise, or no hint of that number.
    """
    hints = chapters.exercise(key).hints
    if number is None:
        number = min(_hints_shown.get(key, 0) + 1, len(hints))
        _hints_shown[key] = number
    if number not in range(1, len(hints) + 1):
        raise CourseError(f"{key} has the hints 1 to {len(hints)}, and not {number!r}.")
    more = (
        "" if number < len(hints) else f'That was the last. `solution("{key}")` shows a solution.'
    )
    say(Tone.PLAIN, f"Hint {number} of {len(hints)}: {hints[number - 1]}", more)


def solution(key: str) -> None:
    """Show one way to do it.

    Raises:
      CourseError: no such exercise.
    """
    code = chapters.exercise(key).solution.strip()
    head = "One way to do it"
    show(f"{head}\n{code}", card(Tone.PLAIN, head, [], source(code)))
