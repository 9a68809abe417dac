"""Predictions: say what a cell will do, run it, and see whether it did.

No key is stored. Each option carries a test of what happened, and ``settle`` is given the very
thing that the learner's own run brought; the option whose test is true is the right one.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from labkit.course import chapters
from labkit.course.progress import record
from labkit.course.show import Tone, say, sentence
from labkit.errors import CourseError

if TYPE_CHECKING:
    from labkit.course.choices import Choices

#: The text, the test of what ``settle`` is given, and (optionally) a sentence for those who chose
#: it when it did not happen: the misconception behind it.
Option = tuple[str, Callable[..., bool]] | tuple[str, Callable[..., bool], str]


@dataclass(frozen=True)
class Prediction:
    """A question about a run that is still to come.

    Parameters:
      question: One sentence; words between backticks are shown as code.
      options: At least three; of any run exactly one test is true.
      why: Said after the run, whichever option came true.
    """

    question: str
    options: Sequence[Option]
    why: str = ""

    def texts(self) -> list[str]:
        """What the options say."""
        return [option[0] for option in self.options]

    def outcome(self, key: str, observed: Sequence[Any]) -> int:
        """The place (from 0) of the one option that is true of ``observed``.

        Raises:
          CourseError: none is, or more than one: the chapter's fault, or the wrong thing was given.
        """
        try:
            held = [i for i, option in enumerate(self.options) if option[1](*observed)]
        except Exception as error:
            raise CourseError(
                f"Prediction {key} cannot judge what settle() was given "
                f"({type(error).__name__}: {error}). Run the cell before it again."
            ) from error
        if len(held) != 1:
            said = "; ".join(self.texts()[i] for i in held) or "none"
            raise CourseError(
                f"Prediction {key} wants exactly one option to come true, and it was {len(held)}: "
                f"{said}. Run the chapter from its first cell."
            )
        return held[0]


_answers: dict[str, int] = {}
_settled: set[str] = set()
_shown: dict[str, Choices] = {}


def predict(key: str, answer: int | None = None) -> None:
    """Ask what will happen. Choose an option, or give its number: ``predict("05.returns", 2)``.

    Run again, it keeps the choice until that is settled; after that it asks anew.

    Raises:
      CourseError: no such prediction, or no option of that number.
    """
    # Here and not above: `labkit reset` needs this package, and no Jupyter.
    from labkit.course.choices import present

    asked = chapters.prediction(key)
    texts = asked.texts()
    if key in _settled:
        _settled.remove(key)
        _answers.pop(key, None)
    if answer is not None:
        if answer not in range(1, len(texts) + 1):
            raise CourseError(f"{key} has the options 1 to {len(texts)}, and not {answer!r}.")
        _answers[key] = answer - 1
    _shown[key] = present(
        title="Predict",
        questions=[(asked.question, texts)],
        answers=[_answers.get(key)],
        note="Choose before you run the next cell.",
        chosen=lambda answers: _keep(key, answers[0]),
        replaces=_shown.get(key),
    )


def _keep(key: str, answer: int | None) -> None:
    if answer is not None:
        _answers[key] = answer


def settle(key: str, *observed: Any) -> None:
    """Hold the prediction against what was observed in this run, and say why it came so.

    Raises:
      CourseError: no such prediction, or what was observed fits none of its options.
    """
    asked = chapters.prediction(key)
    happened = asked.outcome(key, observed)
    answer = _answers.get(key)
    fact = sentence(asked.texts()[happened])
    if answer is None:
        head = f"You made no prediction. What happened: {fact}"
        say(Tone.PLAIN, head, asked.why, folded="Run this cell to see what happened")
    elif answer == happened:
        say(Tone.RIGHT, f"As you predicted: {fact}", asked.why)
    else:
        chosen = asked.options[answer]
        note = chosen[2] if len(chosen) == 3 else ""
        said = f"You predicted: {sentence(chosen[0])}"
        say(Tone.WRONG, f"It went otherwise: {fact}", said, note, asked.why)
    _settled.add(key)
    if answer is not None:
        record(key, answer == happened)
    if key in _shown:
        _shown[key].settle(0, happened)
