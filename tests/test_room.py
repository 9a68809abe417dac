"""``labkit room`` on a machine that is ready, and on those that lack something."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest
from typer.testing import CliRunner

import labkit.cli
from labkit import originals, room
from labkit.ledger.reader import Ledger
from labkit.settings import Settings

ROOT = Path(__file__).resolve().parent.parent
FIRST = "notebooks/00_start_here.ipynb"


def git(folder: Path, *words: str) -> None:
    name = ("-c", "user.name=Ann", "-c", "user.email=ann@localhost")
    subprocess.run(["git", *name, *words], cwd=folder, check=True, capture_output=True)


@pytest.fixture
def checkout(settings: Settings) -> Path:
    """A root with the course's notebooks in it, under git."""
    shutil.copytree(ROOT / "notebooks", settings.root / "notebooks")
    git(settings.root, "init", "--quiet")
    git(settings.root, "add", "notebooks", "labkit.toml")
    git(settings.root, "commit", "--quiet", "-m", "The course")
    return settings.root


def edit(path: Path, source: str) -> str:
    """Change a notebook's first code cell, as somebody would in JupyterLab."""
    notebook = json.loads(path.read_text())
    cell = next(cell for cell in notebook["cells"] if cell["cell_type"] == "code")
    cell |= {"source": source, "outputs": [], "execution_count": None}
    path.write_text(json.dumps(notebook))
    return path.read_text()


def said(*words: str) -> tuple[int, list[str]]:
    result = CliRunner().invoke(labkit.cli.app, list(words))
    return result.exit_code, result.stdout.splitlines()


def test_a_machine_that_is_ready(checkout: Path, redis_url: str) -> None:
    code, lines = said("room")
    assert (code, lines[-1]) == (0, "ready"), lines
    for name in ("python", "redis", "database", "worker", "jupyter", "kernel", "notebooks"):
        assert any(line.startswith(f"✓ {name}") for line in lines), (name, lines)
    # Nothing of the trial is left.
    with Ledger().client as client:
        assert client.keys("room-*") == []
    assert list((checkout / ".labkit" / "invoices").glob("*")) == []


def test_without_redis_it_says_so_and_tries_nothing_that_needs_one(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REDIS_URL", "redis://127.0.0.1:1/0")
    code, lines = said("room")
    assert code == 1
    assert lines[-1].startswith("not ready: redis")
    assert any(line.startswith("✗ redis") for line in lines)
    assert not any("worker" in line for line in lines)


def test_a_worker_that_cannot_start_is_told_with_its_log(settings: Settings, tables: None) -> None:
    jobs = settings.root / "work" / "app" / "jobs"
    jobs.mkdir(parents=True)
    (jobs / "broken.py").write_text("def (")
    found = room._tried("worker", room._worker, settings, "Read it.")
    assert found.ok is False
    assert "SyntaxError" in found.text


def test_what_cannot_start_is_not_ready(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "jupyterlab").mkdir()
    (tmp_path / "jupyterlab" / "__init__.py").touch()
    (tmp_path / "jupyterlab" / "__main__.py").write_text("raise SystemExit('no port is free')")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    found = room._tried("jupyter", room._jupyter, settings, "Read it.")
    assert found.ok is False
    assert "no port is free" in found.text
    monkeypatch.setattr(room.sys, "executable", "/nowhere/python")
    assert room._tried("kernel", room._kernel, settings, "Read it.").ok is False


def test_notebooks_that_are_missing_or_changed_are_named(checkout: Path) -> None:
    assert room._notebooks(checkout).text == "all there, none changed"
    ran = json.loads((checkout / FIRST).read_text())
    ran["cells"][-1]["metadata"]["scrolled"] = True
    (checkout / FIRST).write_text(json.dumps(ran))
    assert room._notebooks(checkout).ok, "run, and not changed"
    edit(checkout / FIRST, "1 + 1")
    assert room._notebooks(checkout).text == f"changed: {FIRST}"
    (checkout / FIRST).write_text("{")
    assert room._notebooks(checkout).text == f"changed: {FIRST}"
    (checkout / FIRST).unlink()
    assert room._notebooks(checkout).text == f"missing: {FIRST}"
    assert room._notebooks(checkout).ok is False


def test_without_git_nobody_can_tell(settings: Settings) -> None:
    shutil.copytree(ROOT / "notebooks", settings.root / "notebooks")
    found = room._notebooks(settings.root)
    assert (found.ok, "without git" in found.text) == (None, True)
    assert originals.restore() == ([], None)


def test_reset_brings_the_notebooks_back_and_keeps_what_the_learner_made(checkout: Path) -> None:
    assert said("generate", "job", "greet")[0] == 0
    mine = checkout / "work" / "app" / "jobs" / "greet.py"
    mine.write_text("# mine\n")
    git(checkout / "work", "add", ".")
    git(checkout / "work", "commit", "-m", "mine")
    before = (checkout / FIRST).read_bytes()
    own = checkout / "notebooks" / "my_own.ipynb"
    own.write_text("{}")
    kept = set()
    for answer in ("mine = 1", "mine = 2"):
        changed = edit(checkout / FIRST, answer)
        code, lines = said("reset", "--yes")
        assert code == 0, lines
        assert f"new        {FIRST}" in lines
        assert (checkout / FIRST).read_bytes() == before
        folders = set((checkout / ".labkit" / "aside").glob("notebooks-*")) - kept
        assert [(folder / Path(FIRST).name).read_text() for folder in folders] == [changed]
        kept |= folders
    assert mine.read_text() == "# mine\n"
    git(checkout / "work", "diff", "--exit-code", "HEAD")
    assert own.exists()
    (checkout / FIRST).unlink()
    assert f"new        {FIRST}" in said("reset", "--yes")[1]
    assert (checkout / FIRST).read_bytes() == before
