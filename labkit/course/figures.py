"""Figures for the chapters: drawn with Matplotlib, shown as PNG, said in words below.

Two are enough: ``bars`` compares a few measured numbers, ``timeline`` shows what ran when.
"""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from typing import Any

from labkit.course.show import in_notebook, inline, print_line, show

#: (start, end, what it was called)
Span = tuple[float, float, str]

WIDTH = 7.2
#: One colour for each word of a timeline, in the order in which they come; readable in greyscale.
COLOURS = ("#1f5fa8", "#e08a1e", "#3d8f57", "#9a4fa3", "#6b6b6b")
INK, GRID = "#2b2b2b", "#d9d9d9"


def bars(values: Mapping[str, float], *, title: str, unit: str, alt: str) -> None:
    """Horizontal bars, one a measurement, each with its figure at its end.

    ``alt`` says in a sentence what is to be seen. Measured figures do not belong in it: it is
    stored, and compared from run to run.
    """
    figure, axes = _begin(title, rows=len(values))
    names, numbers = list(values), list(values.values())
    places = range(len(names))
    axes.barh(places, numbers, color=COLOURS[0], height=0.6)
    for place, number in zip(places, numbers, strict=True):
        axes.annotate(
            f"{number:,.3g}" if number < 1000 else f"{number:,.0f}",
            (number, place),
            xytext=(5, 0),
            textcoords="offset points",
            va="center",
            color=INK,
        )
    axes.margins(x=0.14)
    _finish(figure, axes, names, unit, alt)


def timeline(rows: Mapping[str, Sequence[Span]], *, title: str, unit: str = "s", alt: str) -> None:
    """A row for each worker, thread or job, with a bar from the start to the end of each span."""
    figure, axes = _begin(title, rows=len(rows) + 1)
    words = list(dict.fromkeys(word for spans in rows.values() for _, _, word in spans))
    for place, spans in enumerate(rows.values()):
        for start, end, word in spans:
            colour = COLOURS[words.index(word) % len(COLOURS)]
            axes.barh(place, end - start, left=start, height=0.55, color=colour, edgecolor="white")
    for number, word in enumerate(words):
        axes.barh(0, 0, color=COLOURS[number % len(COLOURS)], label=word)
    if words:
        figure.legend(loc="outside lower center", ncol=len(words), frameon=False)
    _finish(figure, axes, list(rows), unit, alt)


def _begin(title: str, rows: int) -> tuple[Any, Any]:
    # Figure, not pyplot: nothing is registered anywhere, so nothing has to be closed.
    from matplotlib.figure import Figure

    figure = Figure(figsize=(WIDTH, 0.9 + 0.42 * rows), layout="constrained", facecolor="white")
    axes = figure.add_subplot()
    axes.set_title(title, loc="left", fontsize=11, color=INK)
    return figure, axes


def _finish(figure: Any, axes: Any, names: Sequence[str], unit: str, alt: str) -> None:
    axes.set_yticks(range(len(names)), names)
    axes.invert_yaxis()
    axes.set_xlabel(unit, color=INK)
    axes.tick_params(colors=INK, length=0)
    axes.xaxis.grid(True, color=GRID)
    axes.set_axisbelow(True)
    for side in ("top", "right", "bottom", "left"):
        axes.spines[side].set_visible(False)
    if not in_notebook():
        print_line(alt)
        return
    from IPython.display import display

    file = io.BytesIO()
    figure.savefig(file, format="png", dpi=160, metadata={"Software": None})
    bundle = {"image/png": file.getvalue(), "text/plain": alt}
    size = {"alt": alt, "width": round(WIDTH * 96)}
    display(bundle, raw=True, metadata={"image/png": size})  # type: ignore[no-untyped-call]
    # JupyterLab puts no alt text on an image, so the words stand below it, for everybody.
    show(alt, f'<p style="margin:0;max-width:720px;font-size:0.93em">{inline(alt)}</p>')
