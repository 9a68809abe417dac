"""The repository keeps its own rules; and each rule finds what it is for."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Any

import pytest

from tests import support_rules as rules
from tools import readme as readme_tool
from tools import teaching as teaching_tool

ROOT = Path(__file__).resolve().parent.parent
CONTRIBUTING = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
PAGES = [*sorted(ROOT.glob("*.md")), teaching_tool.PAGE]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
PACKAGE = sorted((ROOT / "labkit").rglob("*.py"))


def relative(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def texts(*patterns: str) -> list[tuple[str, str]]:
    """Names and texts of the files that the patterns find; never of none."""
    found = [path for pattern in patterns for path in sorted(ROOT.glob(pattern))]
    assert found, patterns
    return [(relative(path), path.read_text(encoding="utf-8")) for path in found]


def none_of(faults: list[str]) -> None:
    """Every complaint in the failure, not the first alone."""
    assert not faults, "\n".join(["", *faults])


def module_name(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


# --- the package -----------------------------------------------------------------------------


def test_imports_go_one_way() -> None:
    sources = {module_name(path): path.read_text(encoding="utf-8") for path in PACKAGE}
    assert len(sources) > 10
    none_of(rules.wrong_imports(sources, rules.read_layers(CONTRIBUTING)))


@pytest.mark.parametrize(
    ("broker", "complaint"),
    [
        ("from labkit.widgets.board import JobBoard", "labkit.broker imports labkit.widgets.board"),
        ("def late():\n    import labkit.widgets", "labkit.broker imports labkit.widgets"),
        ("from labkit import widgets", "labkit.broker imports labkit.widgets"),
        ("import labkit.errors as e\nfrom labkit import consumer", "in a circle"),
    ],
)
def test_an_import_that_goes_up_or_round_is_found(broker: str, complaint: str) -> None:
    sources = {
        "labkit": "from labkit.widgets import board",
        "labkit.errors": "",
        "labkit.consumer": "import labkit.broker",
        "labkit.widgets": "",
        "labkit.widgets.board": "import labkit.errors",
    }
    layers = [{"errors"}, {"broker", "consumer"}, {"widgets"}]
    assert rules.wrong_imports({**sources, "labkit.broker": ""}, layers) == []
    found = rules.wrong_imports({**sources, "labkit.broker": broker}, layers)
    assert len(found) == 1
    assert complaint in found[0]


def test_a_module_without_a_layer_and_a_layer_without_a_module_are_found() -> None:
    found = rules.wrong_imports({"labkit.new": "", "labkit.old": ""}, [{"old", "gone"}])
    assert found == [
        "labkit.new stands in no layer: give it one in CONTRIBUTING.md",
        "gone is a layer's name and no module",
    ]


def test_files_are_short() -> None:
    code = texts("labkit/**/*.py", "tests/**/*.py", "tools/*.py", "labkit/**/*.js")
    none_of(rules.too_long([*code, *texts("labkit/**/*.css", "labkit/**/*.lua")]))


def test_a_long_file_is_found() -> None:
    assert rules.too_long([("fits.py", "x\n" * 300)]) == []
    assert rules.too_long([("long.py", "x\n" * 301)]) == [
        "long.py: 301 lines, which hold two things"
    ]


def test_the_package_stays_small() -> None:
    content = ROOT / "labkit" / "course" / "chapters"
    counts = {
        relative(path): rules.code_lines(path.read_text(encoding="utf-8"))
        for path in PACKAGE
        if content not in path.parents
    }
    assert sum(counts.values()) <= rules.CODE_BUDGET


def test_lines_of_code_are_counted_without_blanks_comments_and_docstrings() -> None:
    head = '"""Module,\n\ntwo lines."""\n\n# Comment\n'
    source = head + 'x = (\n    1\n)\n\ndef f():\n    "Doc."\n    return x\n'
    assert rules.code_lines(source) == 5


def test_names_are_found_by_reading() -> None:
    # labkit/__init__.py is the one exception: its public names are loaded on first use.
    sources = [item for item in texts("labkit/**/*.py") if item[0] != "labkit/__init__.py"]
    none_of([fault for item in sources for fault in rules.magic_dispatch(*item)])
    planted = "class A:\n    def __getattr__(self, name): ..."
    assert rules.magic_dispatch("a.py", planted) == ["a.py:2 defines __getattr__"]


def test_the_public_names() -> None:
    import labkit

    assert labkit.__all__ == [
        "JobRecord",
        "JobState",
        "LabkitError",
        "Ledger",
        "Log",
        "Settings",
        "Task",
        "actor",
        "session",
    ]
    assert all(getattr(labkit, name).__name__ == name for name in labkit.__all__)
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert labkit.__version__ == project["version"]


# --- files and pages -------------------------------------------------------------------------


def test_nothing_points_to_one_machine_or_one_registry() -> None:
    files = rules.repository_files(ROOT)
    assert len(files) > 50
    faults = []
    for path in files:
        content = path.read_bytes()
        if b"\0" not in content:
            faults += rules.betrayals(relative(path), content.decode("utf-8"))
    none_of(faults)


@pytest.mark.parametrize(
    "line",
    [
        "cd §root§project",
        "open('§home§jane§x')",
        "--index-url=https:§§packages.example§simple",
        "small @ https:§§example.org§small-1.0.whl",
        "see https:§§packages.example§simple§",
    ],
)
def test_a_path_of_one_machine_or_a_registry_is_found(line: str) -> None:
    line = line.replace("§", "/")  # Written otherwise, so that this file passes.
    assert len(rules.betrayals("a.txt", f"fine\n{line}\n")) == 1
    assert (
        rules.betrayals("a.txt", "/home/you/labkit, ./work and https://example.org/simple-page")
        == []
    )


def test_links_lead_somewhere() -> None:
    assert {page.name for page in PAGES} >= {"CONTRIBUTING.md", "CHANGELOG.md"}
    faults = [
        fault for page in PAGES for fault in rules.broken_links(page.read_text("utf-8"), page)
    ]
    for path in NOTEBOOKS:
        cells = json.loads(path.read_text("utf-8"))["cells"]
        prose = "\n\n".join("".join(c["source"]) for c in cells if c["cell_type"] == "markdown")
        faults += rules.broken_links(prose, path)
    none_of(faults)


def test_a_broken_link_is_found(tmp_path: Path) -> None:
    (tmp_path / "there.md").write_text("# A `real` heading: yes\n")
    page = tmp_path / "page.md"
    good = "[a](there.md) [b](there.md#a-real-heading-yes) [c](https://example.org) `[d](gone)`"
    assert rules.broken_links(good, page) == []
    bad = '[a](gone.md) [b](there.md#other) [c](#here) <img src="gone.png">'
    assert [fault.partition(" links to ")[2] for fault in rules.broken_links(bad, page)] == [
        "gone.md: no such file",
        "there.md#other: no such heading",
        "#here: no such file",
        "gone.png: no such file",
    ]


def test_the_readme_lists_the_chapters_that_there_are() -> None:
    readme = (ROOT / "README.md").read_text("utf-8")
    assert readme_tool.render(readme) == readme, "run `python -m tools.readme --write`"
    with pytest.raises(SystemExit, match=r"README\.md lacks"):
        readme_tool.render("# A page without the places")


def test_the_notes_for_teachers_say_what_the_chapters_hold() -> None:
    page = teaching_tool.PAGE.read_text("utf-8")
    assert teaching_tool.render(page) == page, "run `python -m tools.teaching --write`"


# --- notebooks -------------------------------------------------------------------------------


def notebook(**changes: Any) -> dict[str, Any]:
    """A good notebook of one cell, with changes to that cell."""
    output = {"output_type": "stream", "name": "stdout", "text": "1\n"}
    cell = {
        "cell_type": "code",
        "source": "print(1)",
        "metadata": {},
        "execution_count": 1,
        "outputs": [output],
    }
    return {
        "metadata": {"kernelspec": {"name": "python3"}},
        "cells": [{**cell, **changes}, {"cell_type": "markdown", "source": "prose"}],
    }


def test_the_notebooks_are_run_and_clean() -> None:
    assert NOTEBOOKS
    faults = [
        fault
        for path in NOTEBOOKS
        for fault in rules.notebook_faults(path.name, json.loads(path.read_text("utf-8")))
    ]
    none_of(faults)


ERROR = {"output_type": "error", "ename": "E", "evalue": "e", "traceback": []}
VIEW = {
    "output_type": "display_data",
    "data": {"application/vnd.jupyter.widget-view+json": {}, "text/plain": "B"},
}


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"execution_count": None}, "not run once from top to bottom: [None]"),
        ({"execution_count": 2}, "not run once from top to bottom: [2]"),
        ({"outputs": []}, "nbval compares nothing"),
        ({"source": "x = 1\n" * 16}, "code cell 1 has more than 15 lines"),
        ({"source": "# NBVAL_SKIP\nx"}, "says why"),
        ({"metadata": {"tags": ["nbval-ignore-output"]}}, "says why"),
        ({"outputs": [ERROR]}, "stores a traceback"),
        ({"metadata": {"tags": ["raises-exception"]}}, "stores no exception"),
        ({"outputs": [VIEW]}, "model not found"),
    ],
)
def test_a_vacuous_or_unclean_notebook_is_found(changes: dict[str, Any], complaint: str) -> None:
    assert rules.notebook_faults("00.ipynb", notebook()) == []
    (fault,) = rules.notebook_faults("00.ipynb", notebook(**changes))
    assert complaint in fault


def test_a_notebook_with_a_foreign_kernel_or_widget_state_is_found() -> None:
    bad = {**notebook(), "metadata": {"kernelspec": {"name": "other"}, "widgets": {}}}
    assert rules.notebook_faults("00.ipynb", bad) == [
        "00.ipynb: its kernel is not python3",
        "00.ipynb: widget state is stored",
    ]
    said = notebook(source="# NBVAL_SKIP\n# needs a screen\nx")
    assert rules.notebook_faults("00.ipynb", said) == []
