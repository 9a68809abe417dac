"""What the course says to the learner: as plain text, and as HTML with the same words.

In a notebook both stand in one output, so GitHub, a closed notebook and a terminal show it too.
Styles are inline, because JupyterLab drops ``<style>`` from a notebook that it does not trust. The
plain colour in front of each ``var(…)`` is what remains there.
"""

from __future__ import annotations

import html
import re
from collections.abc import Mapping, Sequence
from enum import Enum
from typing import Any

WIDGET_VIEW = "application/vnd.jupyter.widget-view+json"

_CARD = (
    "background:none;background:var(--jp-layout-color1,none);"
    "border:1px solid #bdbdbd;border-color:var(--jp-border-color2,#bdbdbd);border-radius:8px;"
    "padding:8px 16px 10px;margin:4px 0;max-width:720px;box-sizing:border-box;line-height:1.5;"
    "border-left:4px solid {plain};border-left-color:var({themed},{plain})"
)
_CODE = "font-family:var(--jp-code-font-family,monospace);font-size:0.93em"


class Tone(Enum):
    """What a card says at a glance: a sign, and a colour that never speaks alone."""

    RIGHT = ("✓", "--jp-success-color1", "#2e7d32")
    WRONG = ("✗", "--jp-warn-color1", "#c2410c")
    PLAIN = ("", "--jp-brand-color1", "#1976d2")


def show(text: str, markup: str, widget: Any = None) -> None:
    """Display both forms in one output; outside a notebook, print the text.

    With ``widget`` (an ipywidgets model) a live notebook shows that in their place.
    """
    if not in_notebook():
        print_line(text)
        return
    from IPython.display import display

    bundle: dict[str, Any] = {"text/plain": text, "text/html": markup}
    if widget is not None:
        bundle[WIDGET_VIEW] = {
            "version_major": 2,
            "version_minor": 0,
            "model_id": widget.model_id,
        }
    display(bundle, raw=True)  # type: ignore[no-untyped-call]


def print_line(text: str) -> None:
    """Print for the learner, who is the one reader of this course's standard output."""
    print(text)  # noqa: T201


def in_notebook() -> bool:
    """Whether a Jupyter kernel runs this code."""
    try:
        from IPython import get_ipython
    except ImportError:
        return False
    shell = get_ipython()
    return shell is not None and hasattr(shell, "kernel")


def say(tone: Tone, head: str, *paragraphs: str, folded: str = "") -> None:
    """Show a card: a first line that begins with a bold sentence, and paragraphs below it.

    ``folded`` is what JupyterLab shows in its place while the output is folded: there it prints
    the first line of the markup.
    """
    body = [paragraph for paragraph in paragraphs if paragraph]
    first = f"<!-- {html.escape(folded)} -->\n" if folded else ""
    show("\n".join([head, *body]), first + card(tone, head, body))


def card(tone: Tone, head: str, paragraphs: Sequence[str] = (), inside: str = "") -> str:
    """A card as HTML; ``inside`` is markup that goes below the paragraphs."""
    sign, themed, plain = tone.value
    lines = [f"<strong>{sign} {bold}</strong>{rest}" for bold, rest in [_split(head)]]
    lines += [inline(paragraph) for paragraph in paragraphs]
    return (
        f'<div style="{_CARD.format(themed=themed, plain=plain)}">'
        + "".join(f'<p style="margin:2px 0">{line.strip()}</p>' for line in lines)
        + inside
        + "</div>"
    )


def _split(head: str) -> tuple[str, str]:
    bold, colon, rest = head.partition(": ")
    if not colon:
        bold, colon, rest = head, "", ""
    return inline(bold + colon.rstrip()), f" {inline(rest)}" if rest else ""


def inline(text: str) -> str:
    """Text as HTML: all of it escaped, `code` between backticks marked as code."""
    parts = re.split(r"`([^`]+)`", text)
    return "".join(
        f'<code style="{_CODE}">{html.escape(part)}</code>' if number % 2 else html.escape(part)
        for number, part in enumerate(parts)
    )


def source(code: str) -> str:
    """Python source as an HTML block."""
    style = f"{_CODE};margin:6px 0 2px;padding:0;background:none;white-space:pre-wrap"
    return f'<pre style="{style}"><code>{html.escape(code)}</code></pre>'


def table(head: Sequence[str], rows: Sequence[Sequence[str]], links: Mapping[str, str]) -> str:
    """Rows as an HTML table; a cell whose text is a key of ``links`` becomes a link."""

    def cell(tag: str, text: str) -> str:
        shown = inline(text)
        if text in links:
            shown = f'<a href="{html.escape(links[text])}">{shown}</a>'
        style = "text-align:left;padding:3px 14px 3px 0"
        return f'<{tag} style="{style}">{shown}</{tag}>'

    lines = ["".join(cell("th", text) for text in head)]
    lines += ["".join(cell("td", text) for text in row) for row in rows]
    return "<table>" + "".join(f"<tr>{line}</tr>" for line in lines) + "</table>"


def columns(rows: Sequence[Sequence[str]]) -> str:
    """The same rows as plain text, each column as wide as its widest cell."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    )


def sentence(text: str) -> str:
    """The text with a full stop at its end, if it has none of its own."""
    return text if text.endswith((".", "?", "…")) else f"{text}."
