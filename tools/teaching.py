"""The part of notebooks/TEACHING.md that comes from the chapters' content.

``--write`` puts it there: of each chapter its time, what it asks, what goes wrong in class, and the
misconceptions with what helps.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator

from labkit.course.chapters import Chapter, every
from tools.readme import ROOT, replace

PAGE = ROOT / "notebooks" / "TEACHING.md"


def section(chapter: Chapter) -> Iterator[str]:
    """One chapter's lines."""
    yield f"## [{chapter.number} · {chapter.title}]({chapter.notebook}.ipynb)"
    needs = f", after {', '.join(chapter.needs)}" if chapter.needs else ""
    yield (
        f"{chapter.minutes} minutes{needs}. Predictions: {len(chapter.predictions)}, exercises: "
        f"{len(chapter.exercises)}, questions: {len(chapter.quiz)}."
    )
    if chapter.exercises:
        yield "\n".join(
            f"{place}. `{chapter.number}.{name}`: {task.prompt}"
            for place, (name, task) in enumerate(chapter.exercises.items(), 1)
        )
    if chapter.in_class:
        yield "### In class"
        yield "\n".join(f"- {line}" for line in chapter.in_class)
    if chapter.misconceptions:
        yield "### Misconceptions"
        rows = ["| In the report | What learners believe | What helps |", "|---|---|---|"]
        for name, wrong in chapter.misconceptions.items():
            cells = (f"`{chapter.number}.{name}`", wrong.belief, wrong.teacher)
            rows.append(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |")
        yield "\n".join(rows)


def render(page: str) -> str:
    """The page with its derived part as it should be."""
    parts = [part for chapter in every() for part in section(chapter)]
    return replace(page, "chapters", "\n\n".join(parts), tool="teaching")


if __name__ == "__main__":
    text = render(PAGE.read_text(encoding="utf-8"))
    if "--write" in sys.argv:
        PAGE.write_text(text, encoding="utf-8")
    else:
        print(text)
