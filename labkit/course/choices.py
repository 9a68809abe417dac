"""Questions with radio buttons: one widget for predictions and quizzes, and its static twin.

The widget only asks: it hands each choice to Python, which judges it and hands back what to show.
Nothing right or wrong stands in the page before it is asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from importlib.resources import files
from typing import Any

import traitlets

from labkit.course.show import Tone, card, inline, show
from labkit.widgets.live import WholeWidget, front_end, writing

Asked = tuple[str, Sequence[str]]


def _read(name: str) -> str:
    return files("labkit.course").joinpath(name).read_text(encoding="utf-8")


class Choices(WholeWidget):
    """The live form. ``answers`` is what the learner chose; all else is set from Python."""

    _esm = _read("choices.js")
    _css = front_end("live.css") + _read("choices.css")

    title = traitlets.Unicode().tag(sync=True)
    note = traitlets.Unicode().tag(sync=True)
    #: [{"question": …, "options": […]}]
    questions: traitlets.List[dict[str, Any]] = traitlets.List().tag(sync=True)
    #: The place (from 0) of the chosen option of each question, or None. The page already shows
    #: what it sends, so nothing is echoed.
    answers: traitlets.List[int | None] = traitlets.List().tag(sync=True, echo_update=False)
    #: What came of each question: {} | {"right": bool, "note": …} | {"happened": place}.
    results: traitlets.List[dict[str, Any]] = traitlets.List().tag(sync=True)

    def __init__(self, **traits: Any) -> None:
        super().__init__(**traits)
        self.on_msg(self._hear)

    def _hear(self, _widget: Any, message: Any, _buffers: Any) -> None:
        match message:
            case {"place": int(place), "option": int(option)} if 0 <= place < len(
                self.questions
            ) and 0 <= option < len(self.questions[place]["options"]):
                answers = [*self.answers[:place], option, *self.answers[place + 1 :]]
                with writing:
                    self.set_state({"answers": answers})

    def mark(self, place: int, right: bool, note: str) -> None:
        """Say below a question what its answer is worth."""
        self._put(place, {"right": right, "note": note})

    def settle(self, place: int, happened: int) -> None:
        """Mark the option that came true, and take no further answer."""
        self._put(place, {"happened": happened})

    def _put(self, place: int, result: dict[str, Any]) -> None:
        with writing:
            self.results = [*self.results[:place], result, *self.results[place + 1 :]]


def present(
    *,
    title: str,
    questions: Sequence[Asked],
    answers: Sequence[int | None],
    note: str,
    chosen: Callable[[Sequence[int | None]], None],
    replaces: Choices | None,
) -> Choices:
    """Show questions, and call ``chosen`` with all answers whenever one of them changes.

    ``replaces`` is what an earlier run of the same cell showed; it is closed.
    """
    if replaces is not None:
        replaces.close()
    with writing:
        widget = Choices(
            title=title,
            note=note,
            questions=[{"question": text, "options": list(options)} for text, options in questions],
            answers=list(answers),
            results=[{} for _ in questions],
        )
    widget.observe(lambda change: chosen(change["new"]), "answers")
    show(as_text(title, questions, answers), as_html(title, questions, answers), widget)
    return widget


def as_text(title: str, questions: Sequence[Asked], answers: Sequence[int | None]) -> str:
    """The questions in plain text, each option with its number."""
    lines = [title] if len(questions) > 1 else []
    for place, (question, options) in enumerate(questions):
        lines.append(f"{_heading(title, len(questions), place)}{question}")
        for number, option in enumerate(options, 1):
            sign = "●" if answers[place] == number - 1 else "○"
            lines.append(f"  {sign} {number}. {option}")
    return "\n".join(lines)


def as_html(title: str, questions: Sequence[Asked], answers: Sequence[int | None]) -> str:
    """The questions as static HTML, for a notebook that is closed."""
    parts, chosen = [], " <strong>(chosen)</strong>"
    for place, (question, options) in enumerate(questions):
        number = f"{place + 1}. " if len(questions) > 1 else ""
        items = "".join(
            f"<li>{inline(option)}{chosen if answers[place] == i else ''}</li>"
            for i, option in enumerate(options)
        )
        parts.append(
            f'<p style="margin:6px 0 2px">{number}{inline(question)}</p>'
            f'<ol style="margin:2px 0 6px">{items}</ol>'
        )
    return card(Tone.PLAIN, title, [], "".join(parts))


def _heading(title: str, count: int, place: int) -> str:
    return f"{title}: " if count == 1 else f"{place + 1}. "
