"""The parts of the README that are derived: Binder's badge, and the table of the chapters.

``--write`` puts them into the README. The badge's repository is named in one place, pyproject.toml
(``[tool.labkit]``): a fork changes it there.
"""

from __future__ import annotations

import sys
import tomllib
from collections.abc import Iterable
from pathlib import Path

from labkit.course.chapters import Chapter, every

ROOT = Path(__file__).resolve().parent.parent
FIRST = "lab/tree/notebooks/00_start_here.ipynb"


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
    return replace(readme, "chapters", table(every()))


if __name__ == "__main__":
    path = ROOT / "README.md"
    text = render(path.read_text(encoding="utf-8"))
    if "--write" in sys.argv:
        path.write_text(text, encoding="utf-8")
    else:
        print(text)
