"""The picture: what a reader compares first, as bars."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from bench.report import number

#: Row, heading of its panel, and whether its axis counts in tens.
PANELS = (
    ("drain_1x1", "Run: 1 process × 1 thread", False),
    ("drain_1x8", "Run: 1 × 8 threads", False),
    ("drain_2x8", "Run: 2 × 8 threads", False),
    ("each", "Enqueue: one by one", False),
    ("bulk", "Enqueue: in bulk", False),
    ("latency_p95", "Send to start: p95", True),
    ("memory", "An idle worker’s memory", False),
    ("kill_done", "kill -9: of 40 jobs, done soon after", False),
    ("kill_lost", "kill -9: of 40 jobs, lost", False),
)
INK, QUIET, OURS, OTHERS = "#24292f", "#6e7781", "#b0413e", "#c3cad3"


def draw(results: Mapping[str, Any], path: Path) -> None:
    """Draws the rows that the results have, three lines of three panels."""
    rows = {row["key"]: row for row in results["rows"]}
    figure = Figure(figsize=(12.5, 10.8), dpi=144, facecolor="white")
    figure.set_layout_engine("constrained", w_pad=0.18, h_pad=0.16)
    panels = figure.subplots(3, 3)
    most = max(len(rows[key]["systems"]) for key, *_ in PANELS if key in rows)
    for panel, (key, heading, in_tens) in zip(panels.flat, PANELS, strict=True):
        if key in rows:
            _bars(panel, rows[key], results["systems"], heading, in_tens, most)
        else:
            panel.set_axis_off()
    about = results["about"]
    coroutines = "; arq: a thousand coroutines" if "arq" in results["systems"] else ""
    figure.suptitle(
        "labkit beside other queues, on one machine",
        x=0.012,
        ha="left",
        fontsize=17,
        fontweight="bold",
        color=INK,
    )
    figure.supxlabel(
        f"Jobs that do nothing; medians of {about['rounds']} rounds, {about['cores']} cores, "
        f"Redis {about['redis']}, Python {about['python']}. Sidekiq: 10 threads for 8; "
        f"at WARN without its log of each job. RQ has no threads{coroutines}.\n"
        "Procrastinate keeps its jobs in PostgreSQL. kill -9: a worker in mid-run, and "
        "15 s for the next one; what is neither done nor kept anywhere is lost.",
        fontsize=9,
        color=QUIET,
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, metadata={"Software": None})


def _bars(
    panel: Axes,
    row: Mapping[str, Any],
    systems: Mapping[str, Any],
    heading: str,
    in_tens: bool,
    most: int,
) -> None:
    names = [name for name in systems if name in row["systems"]]
    values = [row["systems"][name]["median"] for name in names]
    places = range(len(names))
    colors = [OURS if name == "labkit" else OTHERS for name in names]
    if in_tens:  # a bar would have no honest beginning
        panel.set_xscale("log")
        panel.set_xlim(min(values) / 2, max(values) * 9)
        panel.scatter(values, places, s=90, color=colors, zorder=3)
        for value, place, color in zip(values, places, colors, strict=True):
            panel.plot([panel.get_xlim()[0], value], [place, place], color=color, lw=1.5)
    else:
        panel.barh(places, values, color=colors, height=0.68)
        panel.set_xlim(0, max(values) * 1.3 or 1)
    panel.set_yticks(places, [systems[name]["title"] for name in names], fontsize=11, color=INK)
    panel.set_ylim(most - 0.4, -0.6)  # downwards, and bars of one height in every panel
    for place, name, value in zip(places, names, values, strict=True):
        panel.annotate(
            f"{number(value)} {row['unit'].removeprefix('jobs')}",
            (value, place),
            xytext=(8 if in_tens else 5, 0),
            textcoords="offset points",
            va="center",
            fontsize=10.5,
            color=OURS if name == "labkit" else INK,
            fontweight="bold" if name == "labkit" else "normal",
        )
    for label, name in zip(panel.get_yticklabels(), names, strict=True):
        label.set_fontweight("bold" if name == "labkit" else "normal")
    hint = f"{row['better']} is better{'; by powers of ten' if in_tens else ''}"
    panel.set_title(heading, loc="left", fontsize=11.5, fontweight="bold", color=INK, pad=18)
    panel.text(0, 1.025, hint, transform=panel.transAxes, fontsize=9, color=QUIET)
    panel.xaxis.set_visible(False)
    panel.tick_params(length=0)
    panel.spines[:].set_visible(False)
    panel.spines["left"].set_visible(True)
    panel.spines["left"].set_bounds(len(names) - 0.5, -0.5)
    panel.spines["left"].set_color("#d0d7de")
