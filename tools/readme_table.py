"""The README's chapter table, from the chapters themselves; ``--write`` puts it into the README."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path

from labkit.course.chapters import Chapter, every

ROOT = Path(__file__).resolve().parent.parent
BEGIN, END = "<!-- chapters: written by tools/readme_table.py -->", "<!-- /chapters -->"


def render(chapters: Iterable[Chapter]) -> str:
    """A row for each chapter: its notebook, how long it takes, and the guide's section."""
    rows = ["| Chapter | Minutes | In the guide |", "|---|---|---|"]
    for chapter in chapters:
        link = f"[{chapter.number} {chapter.title}](notebooks/{chapter.notebook}.ipynb)"
        rows.append(f"| {link} | {chapter.minutes} | {chapter.mirrors or '–'} |")
    return "\n".join(rows)


def replace(readme: str, table: str) -> str:
    """The README with the table between its markers."""
    before, _, rest = readme.partition(BEGIN)
    _, found, after = rest.partition(END)
    if not found:
        raise SystemExit(f"README.md lacks the lines {BEGIN!r} and {END!r}")
    return f"{before}{BEGIN}\n{table}\n{END}{after}"


if __name__ == "__main__":
    if "--write" in sys.argv:
        path = ROOT / "README.md"
        path.write_text(replace(path.read_text(encoding="utf-8"), render(every())), "utf-8")
    else:
        print(render(every()))
