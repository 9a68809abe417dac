"""Generating a job: it works at once, may be repeated, and hides nothing."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from labkit.errors import GenerateError
from labkit.generate import generate_job, make_work
from labkit.settings import Settings

JOB = "app/jobs/task_logger.py"
TEST = "tests/jobs/test_task_logger.py"


def test_a_job_and_its_test_that_passes_at_once(settings: Settings) -> None:
    assert generate_job("task_logger", settings.root) == [f"create     {JOB}", f"create     {TEST}"]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"],
        cwd=settings.root / "work",
        capture_output=True,
        text=True,
        check=False,
    )
    assert "1 passed" in done.stdout, done.stdout + done.stderr


def test_again_changes_nothing_and_keeps_what_was_edited(root: Path) -> None:
    generate_job("task_logger", root)
    assert [line.split()[0] for line in generate_job("task_logger", root)] == ["identical"] * 2
    (root / "work" / JOB).write_text("# mine\n")
    assert generate_job("task_logger", root)[0] == f"kept       {JOB}"
    assert (root / "work" / JOB).read_text() == "# mine\n"
    assert generate_job("task_logger", root, overwrite=True)[0] == f"overwrite  {JOB}"
    assert "def task_logger" in (root / "work" / JOB).read_text()


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("TaskLogger", "small letters"),
        ("task-logger", "small letters"),
        ("1task", "letter first"),
        ("_task", "letter first"),
        ("../escape", "small letters"),
        ("", "small letters"),
        ("töne", "small letters"),
        ("class", "Python's own"),
        ("match", "Python's own"),
        ("print", "would hide 'print'"),
        ("json", "would hide 'json'"),
        ("labkit", "would hide 'labkit'"),
        ("actor", "would hide 'actor'"),
    ],
)
def test_a_name_that_cannot_be_is_refused_and_nothing_is_written(
    root: Path, name: str, why: str
) -> None:
    with pytest.raises(GenerateError, match=why):
        generate_job(name, root)
    assert not (root / "work").exists()


def test_the_work_can_be_committed_without_an_identity(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in list(os.environ):
        if name.startswith("GIT_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(root))
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    work = root / "work"
    assert "create     README.md" in make_work(work)
    assert make_work(work) == []
    for command in (["add", "-A"], ["commit", "-qm", "My first job"]):
        subprocess.run(["git", *command], cwd=work, check=True)
    log = subprocess.run(
        ["git", "log", "--format=%s"], cwd=work, capture_output=True, text=True, check=True
    )
    assert log.stdout == "My first job\n"
