"""What a reader of a stored notebook may expect, as functions: a notebook in, complaints out."""

from __future__ import annotations

import json
import re
import statistics
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

from tests.support_rules import LONGEST_CELL, anchor

#: Lines of the code cell in the middle, and seconds that a cell may sleep.
MEDIAN, SLEEP = 3, 0.2
#: Fenced blocks to be read or typed elsewhere. Any other shows what came of a run.
QUOTED = {"ruby", "sh", "bash", "python", "sql", "toml", "yaml"}
FENCE = re.compile(r"^```(\w*)\n(.*?)^```", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"(?<!!)\[[^\]]*\]\(([^)\s]*)#([^)\s]+)\)")


def faults(name: str, notebook: dict[str, Any], folder: Path, commands: set[str]) -> Iterator[str]:
    """Everything below, each complaint with the notebook's name.

    ``folder`` is where its links begin; ``commands`` are the subcommands of ``labkit``.
    """
    for find in (_headings, _images, _fences, _sleeps, _lengths, _spoilers):
        yield from (f"{name}: {fault}" for fault in find(notebook))
    yield from (f"{name}: {fault}" for fault in _commands(notebook, commands))
    yield from (f"{name}: {fault}" for fault in _anchors(notebook, folder))


def prose(notebook: dict[str, Any]) -> list[str]:
    return ["".join(c["source"]) for c in notebook["cells"] if c["cell_type"] == "markdown"]


def code(notebook: dict[str, Any]) -> list[dict[str, Any]]:
    return [c for c in notebook["cells"] if c["cell_type"] == "code" and "".join(c["source"])]


def headings(notebook: dict[str, Any]) -> list[tuple[int, str]]:
    """Level and text of each heading."""
    text = FENCE.sub("", "\n\n".join(prose(notebook)))
    found = re.findall(r"^(#+) (.*)$", text, flags=re.MULTILINE)
    return [(len(signs), words) for signs, words in found]


def _headings(notebook: dict[str, Any]) -> Iterator[str]:
    levels = headings(notebook)
    before = 0
    for level, words in levels:
        if level > before + 1:
            yield f"the heading {words!r} skips a level"
        if level == 1 and before:
            yield f"the heading {words!r} is a second title"
        before = level
    if not levels:
        yield "it has no heading"


def _images(notebook: dict[str, Any]) -> Iterator[str]:
    for text in prose(notebook):
        for alternative, target in re.findall(r"!\[([^\]]*)\]\(([^)\s]+)", text):
            if not alternative.strip():
                yield f"the image {target} has no text alternative"
    for cell in code(notebook):
        for output in cell["outputs"]:
            for kind in output.get("data", {}):
                about = output.get("metadata", {}).get(kind, {})
                if kind.startswith("image/") and len(about.get("alt", "")) < 10:
                    yield f"the picture of `{_first(cell)}` has no text alternative"
    for markup in [*prose(notebook), *_html(notebook)]:
        for tag in re.findall(r"<img\b[^>]*>", markup):
            if not re.search(r'\balt="[^"]+"', tag):
                yield f"{tag[:60]} has no text alternative"


def _html(notebook: dict[str, Any]) -> Iterator[str]:
    for cell in code(notebook):
        for output in cell["outputs"]:
            yield "".join(output.get("data", {}).get("text/html", ""))


def _fences(notebook: dict[str, Any]) -> Iterator[str]:
    shown = "\n".join(
        "".join(output.get("text") or output.get("data", {}).get("text/plain", ""))
        for cell in code(notebook)
        for output in cell["outputs"]
    )
    for language, block in FENCE.findall("\n\n".join(prose(notebook))):
        if language == "python":
            try:
                compile(block, "fence", "exec")
            except SyntaxError as error:
                yield f"the Python block {block[:40]!r} is none: {error.msg}"
        if language not in QUOTED and block.strip() not in shown:
            yield f"the block {block[:40]!r} is no output that is stored here"


def _commands(notebook: dict[str, Any], commands: set[str]) -> Iterator[str]:
    for text in prose(notebook):
        shell = [block for language, block in FENCE.findall(text) if language in ("sh", "bash")]
        inline = re.findall(r"`([^`\n]+)`", FENCE.sub("", text))
        for line in [line for part in [*shell, *inline] for line in part.splitlines()]:
            if (word := re.match(r"(?:\S*/)?labkit ([a-z]+)", line)) and word[1] not in commands:
                yield f"`labkit {word[1]}` is no command"


def _sleeps(notebook: dict[str, Any]) -> Iterator[str]:
    for cell in code(notebook):
        source = "".join(cell["source"])
        for seconds in re.findall(r"\bsleep\(\s*([\d._]+)\s*\)", source):
            if float(seconds) > SLEEP and "real-time" not in cell["metadata"].get("tags", []):
                yield f"`{_first(cell)}` sleeps for {seconds} s: wait for what is meant"


def _lengths(notebook: dict[str, Any]) -> Iterator[str]:
    lines = [
        sum(1 for line in "".join(cell["source"]).splitlines() if line.strip())
        for cell in code(notebook)
    ]
    if lines and statistics.median(lines) > MEDIAN:
        yield f"the median code cell has {statistics.median(lines):g} lines, of {MEDIAN}"
    if lines and max(lines) > LONGEST_CELL:
        yield f"a code cell has {max(lines)} lines, of {LONGEST_CELL}"


def _spoilers(notebook: dict[str, Any]) -> Iterator[str]:
    """JupyterLab shows the first line of a folded output, and so what a prediction asks for."""
    for cell, after in pairwise(code(notebook)):
        last = "".join(cell["source"]).splitlines()[-1].strip()
        shows = any(out.get("output_type") == "execute_result" for out in cell["outputs"])
        if "".join(after["source"]).startswith("settle(") and (shows or last.startswith("print(")):
            yield f"`{last}` tells before it is settled: put it behind settle(…), in that cell"


def _anchors(notebook: dict[str, Any], folder: Path) -> Iterator[str]:
    """Links to a heading of this notebook or of another; JupyterLab keeps a heading's letters."""
    for target, fragment in LINK.findall("\n".join(prose(notebook))):
        if re.match(r"[a-z]+:", target) or target.endswith(".md"):
            continue  # the pages' own rule looks at those
        goal = folder / target
        if target and not goal.is_file():
            continue  # so does it at those
        there = json.loads(goal.read_text(encoding="utf-8")) if target else notebook
        known = {words.replace(" ", "-") for _, words in headings(there)}
        if fragment not in known | {anchor(words) for _, words in headings(there)}:
            yield f"the link to {target}#{fragment} leads to no heading"


def _first(cell: dict[str, Any]) -> str:
    return "".join(cell["source"]).partition("\n")[0][:60]
