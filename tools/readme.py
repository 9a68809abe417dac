"""The parts of the README that are derived: badge, table of the chapters, measured figures.

``--write`` puts them into the README. The badge's repository is named in one place, pyproject.toml
(``[tool.labkit]``): a fork changes it there.
"""

from __future__ import annotations

import json
import sys
import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from bench.report import caption, cell, heading, title
from labkit.course.chapters import Chapter, every

ROOT = Path(__file__).resolve().parent.parent
FIRST = "lab/tree/notebooks/00_start_here.ipynb"
#: What a reader compares first; everything stands in bench/results.md.
ROWS = ("drain_1x1", "drain_1x8", "drain_2x8", "latency_median", "lateness_p99", "each", "bulk")
ROWS += ("memory", "kill_done", "kill_lost")
SYSTEMS = ("labkit", "dramatiq", "sidekiq", "celery", "rq-fork", "rq", "procrastinate")


def badge(repository: str) -> str:
    """The link that launches the course on mybinder.org; ``repository`` is OWNER/REPO."""
    launch = f"https://mybinder.org/v2/gh/{repository}/HEAD?urlpath={FIRST}"
    return f"[![launch on Binder](https://mybinder.org/badge_logo.svg)]({launch})"


def table(chapters: Iterable[Chapter]) -> str:
    """A row for each chapter: its notebook, how long it takes, and the guide's section."""
    rows = ["| Chapter | Minutes | In the guide |", "|---|---|---|"]
    for chapter in chapters:
        link = f"[{chapter.number} {chapter.title}](notebooks/{chapter.notebook}.ipynb)"
        rows.append(f"| {link} | {chapter.minutes} | {chapter.mirrors or '–'} |")
    return "\n".join(rows)


def figures(results: Mapping[str, Any]) -> str:
    """What `make bench` has measured: some rows, of some systems."""
    names = [name for name in SYSTEMS if name in results["systems"]]
    lines = [f"| | {' | '.join(heading(results, name) for name in names)} |"]
    lines.append("|---" + "|---:" * len(names) + "|")
    for row in results["rows"]:
        if row["key"] in ROWS:
            lines.append(f"| {title(row)} | {' | '.join(cell(row, name) for name in names)} |")
    return "\n".join([*lines, "", caption(results)])


def replace(readme: str, part: str, content: str, tool: str = "readme") -> str:
    """The page with ``content`` between the markers of a part."""
    begin, end = f"<!-- {part}: written by tools/{tool}.py -->", f"<!-- /{part} -->"
    before, _, rest = readme.partition(begin)
    _, found, after = rest.partition(end)
    if not found:
        raise SystemExit(f"README.md lacks the lines {begin!r} and {end!r}")
    return f"{before}{begin}\n{content}\n{end}{after}"


def render(readme: str) -> str:
    """The README with every derived part as it should be."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    readme = replace(readme, "badge", badge(project["tool"]["labkit"]["repository"]))
    readme = replace(readme, "chapters", table(every()))
    measured = json.loads((ROOT / "bench" / "results.json").read_text(encoding="utf-8"))
    return replace(readme, "figures", figures(measured))


if __name__ == "__main__":
    path = ROOT / "README.md"
    text = render(path.read_text(encoding="utf-8"))
    if "--write" in sys.argv:
        path.write_text(text, encoding="utf-8")
    else:
        print(text)
