"""What a reader of a stored notebook may expect; and each rule finds its fault."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import typer

import labkit.cli
from tests import support_notebook_rules as rules

NOTEBOOKS = sorted((Path(__file__).resolve().parent.parent / "notebooks").glob("*.ipynb"))
COMMANDS = set(typer.main.get_command(labkit.cli.app).commands)  # type: ignore[attr-defined]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_can_be_read(path: Path) -> None:
    notebook = json.loads(path.read_text("utf-8"))
    found = list(rules.faults(path.name, notebook, path.parent, COMMANDS))
    assert not found, "\n".join(found)


def markdown(text: str) -> dict[str, Any]:
    return {"cell_type": "markdown", "source": text, "metadata": {}}


def cell(source: str, *outputs: dict[str, Any], **metadata: Any) -> dict[str, Any]:
    return {"cell_type": "code", "source": source, "metadata": metadata, "outputs": list(outputs)}


def picture(**about: str) -> dict[str, Any]:
    return {"data": {"image/png": "aGk=", "text/plain": "x"}, "metadata": {"image/png": about}}


PRINTED = {"output_type": "stream", "name": "stdout", "text": "[INFO] ready\n"}
GOOD = [
    markdown("# 01 · Title\n\nSee [below](#a-part) and ![a clock](clock.png)."),
    markdown("## A part\n\n```ruby\nputs 1\n```\n\n```text\n[INFO] ready\n```\n\n`labkit room`"),
    markdown("### Deeper\n\n[back](#A-part)\n\n## Up again"),
    cell("print(1)", PRINTED),
    cell("draw()", picture(alt="Two bars, the first is longer.")),
    cell("sleep(0.1)"),
    cell("sleep(1)", tags=["real-time"]),
]


def found(*cells: dict[str, Any], folder: Path | None = None) -> list[str]:
    notebook = {"cells": list(cells)}
    return list(rules.faults("a.ipynb", notebook, folder or Path(), {"room", "doctor"}))


def test_a_good_notebook_has_no_fault() -> None:
    assert found(*GOOD) == []


@pytest.mark.parametrize(
    ("bad", "complaint"),
    [
        (markdown("#### Far down"), "skips a level"),
        (markdown("# Another"), "second title"),
        (markdown("![](clock.png)"), "clock.png has no text alternative"),
        (markdown('<img src="clock.png">'), "has no text alternative"),
        (cell("draw()", picture()), "`draw()` has no text alternative"),
        (cell("draw()", {"data": {"text/html": '<img src="x" alt="">'}}), "no text alternative"),
        (markdown("```\n[INFO] never printed\n```"), "is no output"),
        (markdown("```text\n[INFO] never\n```"), "is no output"),
        (markdown("```python\ndef (\n```"), "is none: "),
        (markdown("```sh\nlabkit dance\n```"), "`labkit dance` is no command"),
        (markdown("Type `.venv/bin/labkit dance`."), "`labkit dance` is no command"),
        (cell("time.sleep(0.5)"), "sleeps for 0.5 s"),
        (cell("x = 1\n" * 16), "16 lines"),
        (markdown("[there](#nowhere)"), "#nowhere leads to no heading"),
    ],
)
def test_a_fault_is_found(bad: dict[str, Any], complaint: str) -> None:
    [fault] = found(*GOOD, bad)
    assert complaint in fault


def test_long_cells_and_a_page_without_a_heading_are_found() -> None:
    assert found(*[cell("a\nb\nc\nd")] * 3) == [
        "a.ipynb: it has no heading",
        "a.ipynb: the median code cell has 4 lines, of 3",
    ]


def test_a_link_to_a_heading_of_another_notebook(tmp_path: Path) -> None:
    (tmp_path / "b.ipynb").write_text(json.dumps({"cells": [markdown("# Two words")]}))
    assert found(*GOOD, markdown("[b](b.ipynb#Two-words)"), folder=tmp_path) == []
    assert found(*GOOD, markdown("[b](b.ipynb#three)"), folder=tmp_path) == [
        "a.ipynb: the link to b.ipynb#three leads to no heading"
    ]


RESULT = {"output_type": "execute_result", "data": {"text/plain": "2"}, "metadata": {}}


@pytest.mark.parametrize("ran", [cell("n", RESULT), cell("n = 2\nprint(n)", PRINTED)])
def test_what_a_prediction_asks_for_does_not_stand_in_the_first_line_of_a_folded_output(
    ran: dict[str, Any],
) -> None:
    [fault] = found(*GOOD, ran, cell('settle("01.n", n)'))
    assert "tells before it is settled" in fault
    assert found(*GOOD, cell("n = 2"), cell('settle("01.n", n)\nprint(n)', PRINTED)) == []


def test_one_cell_of_the_course_at_most_lets_real_time_pass() -> None:
    tagged = [
        cell["source"]
        for path in sorted((Path(__file__).parent.parent / "notebooks").glob("*.ipynb"))
        for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]
        if "real-time" in cell["metadata"].get("tags", [])
    ]
    assert len(tagged) <= 1
