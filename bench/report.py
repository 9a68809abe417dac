"""What came of it: as JSON, as a table for the terminal, as a table in Markdown."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import Any

import redis
from rich.table import Table

from bench.rows import ROWS, Values, medians, ratio
from bench.systems import SYSTEMS

HEADING = "Medians; in brackets the ratio, where labkit is 1"


def about(server: redis.Redis, quick: bool, machine: list[dict[str, Any]]) -> dict[str, Any]:
    """What was measured where."""
    return {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "rounds": len(machine),
        "quick": quick,
        "redis": server.info("server")["redis_version"],
        "python": platform.python_version(),
        "platform": f"{platform.system()} {platform.machine()}",
        "cores": os.cpu_count(),
        "calibration": machine,
    }


def results(
    values: Values, versions: Mapping[str, Mapping[str, str]], about: dict[str, Any]
) -> dict[str, Any]:
    """Everything, in the shape of results.json."""
    rows = []
    for key, figures in sorted(medians(values).items(), key=lambda item: list(ROWS).index(item[0])):
        row = ROWS[key]
        rows.append(
            {
                "key": key,
                "title": row.title,
                "unit": row.unit,
                "better": row.better,
                "systems": {
                    name: {
                        "median": figure,
                        "ratio": ratio(row, figure, figures.get("labkit")),
                        "rounds": values[key][name],
                    }
                    for name, figure in figures.items()
                },
            }
        )
    systems = {name: {"title": SYSTEMS[name].title, **told} for name, told in versions.items()}
    return {"about": about, "systems": systems, "rows": rows}


def read(folder: Path) -> tuple[Values, list[dict[str, Any]]]:
    """The values of earlier rounds, if there are any, and what the machine did before each."""
    if not (folder / "results.json").exists():
        return {}, []
    earlier = json.loads((folder / "results.json").read_text(encoding="utf-8"))
    values: Values = {
        row["key"]: {name: of["rounds"] for name, of in row["systems"].items()}
        for row in earlier["rows"]
    }
    return values, earlier["about"]["calibration"]


def table(results: Mapping[str, Any]) -> Table:
    """The table for a terminal."""
    shown = Table(title=HEADING, caption=caption(results))
    shown.add_column("", no_wrap=False)
    for name in results["systems"]:
        shown.add_column(heading(results, name), justify="right")
    for row in results["rows"]:
        cells = [cell(row, name, "[dim]", "[/]") for name in results["systems"]]
        shown.add_row(title(row), *cells)
    return shown


def write(results: Mapping[str, Any], folder: Path) -> None:
    """Writes results.json and results.md."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "results.json").write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
    (folder / "results.md").write_text(markdown(results), encoding="utf-8")


def markdown(results: Mapping[str, Any]) -> str:
    """The table for a page."""
    names = list(results["systems"])
    lines = [
        f"| | {' | '.join(heading(results, name) for name in names)} |",
        "|---" + "|---:" * len(names) + "|",
    ]
    for row in results["rows"]:
        cells = " | ".join(cell(row, name) for name in names)
        lines.append(f"| {title(row)} | {cells} |")
    head = f"# Measured\n\nWritten by `make bench`. {HEADING}.\n\n"
    return head + "\n".join(lines) + f"\n\n{caption(results)}\n"


def heading(results: Mapping[str, Any], name: str) -> str:
    """A system and its version."""
    system = results["systems"][name]
    return system["title"] if name == "labkit" else f"{system['title']} {system['version']}"


def title(row: Mapping[str, Any]) -> str:
    """A row's words, unit and direction."""
    arrow = "↑" if row["better"] == "more" else "↓"
    return f"{row['title']}, {row['unit']} {arrow}" if row["unit"] else row["title"]


def cell(row: Mapping[str, Any], name: str, dim: str = "", end: str = "") -> str:
    """A system's median in a row, and its ratio to labkit's."""
    found = row["systems"].get(name)
    if found is None:
        return "–"
    if not row["unit"]:
        return "yes" if found["median"] else "no"
    shown = number(found["median"])
    if found["ratio"] is None or name == "labkit":
        return shown
    return f"{shown} {dim}({number(found['ratio'])}){end}"


def number(value: float) -> str:
    """Three figures that count; thousands apart."""
    if abs(value) >= 100:
        digits = len(str(int(abs(value)))) - 3
        return f"{round(value, -digits):,.0f}"
    return f"{value:.3g}"


def caption(results: Mapping[str, Any]) -> str:
    """When, where and how often it was measured, and what the machine itself did meanwhile."""
    told = results["about"]
    loops = [one["python_ms"] for one in told["calibration"]]
    pings = [one["ping_us"] for one in told["calibration"]]
    return (
        f"{told['rounds']} rounds on {told['at'][:10]}, {told['cores']} cores, "
        f"Redis {told['redis']}, Python {told['python']}. ↑ more is better, ↓ less is better. "
        f"The machine itself, before each round: a loop of five million {median(loops):.0f} ms "
        f"({min(loops):.0f} to {max(loops):.0f}), a PING {median(pings):.0f} µs "
        f"({min(pings):.0f} to {max(pings):.0f})."
    )
