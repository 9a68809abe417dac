"""tools/notebooks.py and its sanitisers, on small notebooks and a real kernel."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook, new_output

from tools import notebooks

SANITIZERS = notebooks.SANITIZERS.read_text(encoding="utf-8")

# Section of tests/nbval.cfg: (two texts that must come out equal, two that must stay apart).
EXAMPLES = {
    "message id": (
        ("id 6f1c2b34-0a5b-4c6d-8e7f-001122334455", "id 00000000-0a5b-4c6d-8e7f-001122334455"),
        ("id 6f1c2b34", "id 7f1c2b34"),
    ),
    "delivery": (("a#0b1c2d3e", "a#ffffffffffff"), ("a#0b1c2d", "a#0b1c2e")),
    "milliseconds since 1970": (
        ("score 1795465313236", "score 1895465313236"),
        ("4111111111111111", "4111111111111112"),
    ),
    "root": (
        (
            "in /home/you/labkit/work, at sqlite:////home/you/labkit/a",
            "in /tmp/x1/labkit/work, at sqlite:////tmp/x1/labkit/a",
        ),
        ("in /home/you/labkit/work", "in /home/you/labkit/notebooks"),
    ),
    "address": (
        ("redis://127.0.0.1:6379/12", "redis://127.0.0.1:40001/12"),
        ("redis://127.0.0.1:6379/12", "redis://127.0.0.1:6379/0"),
    ),
    "moment": (
        ("at 2026-11-23 10:00:01.5+00:00.", "at 2027-01-02T03:04:05Z."),
        ("on 2026-11-23", "on 2026-11-24"),
    ),
    "clock": (("[10:00:01] ran", "[23:59:59.123] ran"), ("10:00", "11:00")),
    "process": (("worker pid 123", "worker pid 4567"), ("process, 123 jobs", "process, 4 jobs")),
    "duration": (("took 1.5 ms", "took 1,203 ms"), ("5 slots", "6 slots")),
    "rate": (("4,600 jobs/s", "9.5 jobs/s"), ("4,600 jobs", "9 jobs")),
    "object": (("<A object at 0x7f01>", "<A object at 0x7f02>"), ("0x10", "0x11")),
    "version": (("Redis 8.2.3", "Redis 7.0.15"), ("chapter 8.2", "chapter 7.0")),
    "a part that cannot be had everywhere": (
        ("This part is here.", "This part is left out. TLS: there is no `openssl`."),
        ("This part is here, too", "This part is there, too"),
    ),
}


def sanitize(text: str) -> str:
    for regex, replacement in notebooks.get_sanitize_patterns(SANITIZERS):
        text = re.sub(regex, replacement, text)
    return text


def test_every_sanitizer_has_its_example() -> None:
    sections = re.findall(r"^\[(.*)\]$", SANITIZERS, flags=re.MULTILINE)
    assert sections == list(EXAMPLES)
    assert len(notebooks.get_sanitize_patterns(SANITIZERS)) == len(sections)


@pytest.mark.parametrize("section", EXAMPLES)
def test_a_sanitizer_hides_what_may_differ_and_nothing_else(section: str) -> None:
    (one, other), (left, right) = EXAMPLES[section]
    assert one != other
    assert sanitize(one) == sanitize(other)
    assert sanitize(left) != sanitize(right)


@pytest.fixture
def course(tmp_path: Path) -> Path:
    """An empty ``notebooks`` folder of a root."""
    (tmp_path / "labkit.toml").touch()
    folder = tmp_path / "notebooks"
    folder.mkdir()
    return folder


def write(course: Path, *sources: str, name: str = "00_small.ipynb", **metadata: Any) -> Path:
    """A notebook that was never run."""
    cells = [new_code_cell(source, id=f"cell-{n}") for n, source in enumerate(sources)]
    nbformat.write(new_notebook(cells=cells, metadata=metadata), course / name)
    return course / name


def texts(path: Path) -> list[str]:
    """What each cell shows, streams and results alike."""
    return [
        "".join(
            out.get("text") or out.get("data", {}).get("text/plain", "") for out in cell.outputs
        )
        for cell in nbformat.read(path, as_version=4).cells
    ]


def test_a_second_run_leaves_no_diff_although_ids_and_times_differ(course: Path) -> None:
    path = write(course, "import uuid\nprint(uuid.uuid4())", "6 * 7")
    assert notebooks.store(path) == ""
    first = path.read_text()
    assert texts(path)[1] == "42"
    counts = [cell.execution_count for cell in nbformat.read(path, as_version=4).cells]
    assert counts == [1, 2]

    assert notebooks.store(path) == ""
    assert path.read_text() == first


@pytest.mark.slow
def test_a_fresh_run_replaces_what_would_be_equal(course: Path) -> None:
    path = write(course, "import uuid\nprint(uuid.uuid4())")
    assert notebooks.store(path) == ""
    first = path.read_text()
    assert notebooks.store(path, fresh=True) == ""
    assert path.read_text() != first


def test_an_output_that_is_no_longer_true_is_found_and_replaced(
    course: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    path = write(course, "'new'")
    stale = nbformat.read(path, as_version=4)
    stale.cells[0].execution_count = 1
    data = {"text/plain": "'old'"}
    stale.cells[0].outputs = [new_output("execute_result", data=data, execution_count=1)]
    nbformat.write(stale, path)
    assert notebooks.check([path]) == 1
    assert "'new'" in capfd.readouterr().out
    assert notebooks.store(path) == ""
    assert texts(path) == ["'new'"]


def test_a_failing_cell_is_told_and_nothing_is_written(course: Path) -> None:
    path = write(course, "print('before')", "raise LookupError('on purpose')")
    before = path.read_text()
    assert "on purpose" in notebooks.store(path)
    assert path.read_text() == before


def test_a_notebook_runs_in_a_root_of_its_own(
    course: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REDIS_URL", "redis://127.0.0.1:6379/12")
    monkeypatch.setenv("LABKIT_ENV", "production")
    monkeypatch.setenv("PYTEST_ADDOPTS", "--verbose")
    path = write(
        course,
        "import os, pathlib\npathlib.Path.cwd().parent",
        "sorted(key for key in os.environ if key.startswith(('LABKIT', 'REDIS_URL', 'PYTEST')))",
        "pathlib.Path('made_here').touch()",
    )
    assert notebooks.store(path) == ""
    assert texts(path) == [
        f"PosixPath('{notebooks.SHOWN_ROOT}')",
        "['LABKIT_LOCAL_REDIS', 'LABKIT_REDIS_LINGER']",
        "",
    ]
    assert sorted(item.name for item in course.iterdir()) == [path.name]


def test_what_differs_or_breaks_is_not_stored(course: Path) -> None:
    notebook = new_notebook(
        cells=[
            new_code_cell(
                "board",
                metadata={"execution": {"iopub.status.busy": "now"}, "tags": ["kept"]},
                outputs=[
                    new_output(
                        "display_data",
                        data={notebooks.VIEW: {"model_id": "x"}, "text/html": "<b>twin</b>"},
                    )
                ],
            )
        ],
        metadata={
            "widgets": {"state": {}},
            "title": "kept",
            "language_info": {"name": "python", "version": "3"},
        },
    )
    notebook = notebooks.tidy(notebook)
    assert set(notebook.metadata) == {"title", "kernelspec", "language_info"}
    assert notebook.metadata["kernelspec"]["name"] == "python3"
    assert notebook.metadata["language_info"] == {"name": "python"}
    assert notebook.cells[0].metadata == {"tags": ["kept"]}
    assert list(notebook.cells[0].outputs[0].data) == ["text/html"]


def test_what_a_prediction_asks_is_folded_until_it_is_settled() -> None:
    shown = [new_output("stream", text="so\n")]
    sources = ["1", 'predict("05.x")', "message", 'settle("05.x", message)', "2"]
    notebook = new_notebook(cells=[new_code_cell(source, outputs=shown) for source in sources])

    def folded() -> list[bool | None]:
        notebooks.fold_answers(notebook)
        return [cell.metadata.get("jupyter", {}).get("outputs_hidden") for cell in notebook.cells]

    assert folded() == [None, None, True, True, None]
    notebook.cells[2].outputs = []
    assert folded() == [None, None, None, True, None]


def test_no_notebook_at_all_is_a_failure(course: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert notebooks.main(["--check"], folder=course) == 1
    assert "no notebook" in capsys.readouterr().out


@pytest.mark.slow
def test_each_notebook_is_reported(course: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(course, "1", name="00_good.ipynb")
    write(course, "1 / 0", name="01_bad.ipynb")
    assert notebooks.main([], folder=course) == 1
    out = capsys.readouterr().out
    assert re.search(r"^00_good.ipynb +ok ", out, flags=re.MULTILINE)
    assert re.search(r"^01_bad.ipynb +FAILED ", out, flags=re.MULTILINE)
    assert "ZeroDivisionError" in out
    assert notebooks.main(["--check", "00"], folder=course) == 0
