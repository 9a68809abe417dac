"""The learner's files from a notebook: saved, shown, read anew by whoever imports them."""

from __future__ import annotations

import importlib
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from labkit import hooks
from labkit.course import work
from labkit.errors import CourseError
from labkit.settings import Settings
from tests.support_kernel import Kernel

NAME = "app/jobs/greeting.py"


@pytest.fixture(autouse=True)
def own_imports(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(sys, "path", list(sys.path))
    before = set(sys.modules)
    yield
    for name in set(sys.modules) - before:
        if name.partition(".")[0] == "app":
            del sys.modules[name]


def test_a_file_is_saved_under_work_and_read_back(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    work.write(NAME, "\n\nword = 'one'\n\n\n")
    assert capsys.readouterr().out == f"Saved work/{NAME}.\n"
    assert (root / "work" / NAME).read_text() == "word = 'one'\n"
    work.show(f" {NAME} ")
    assert capsys.readouterr().out == "word = 'one'\n"


def test_a_second_save_of_the_same_length_is_what_the_next_import_reads(root: Path) -> None:
    command = [sys.executable, "-c", "from app.jobs.greeting import word; print(word)"]
    for word in ("one", "two", "six"):
        work.write(NAME, f"word = {word!r}")
        here = importlib.import_module("app.jobs.greeting").word

        there = subprocess.run(
            command, cwd=root / "work", capture_output=True, text=True, check=True
        )
        assert (here, there.stdout.strip()) == (word, word)


def test_a_saved_file_takes_its_earlier_hooks_away(root: Path) -> None:
    hooked = "from labkit import Task\nfrom labkit.models import after_commit\n"
    hooked += "def greet(task): ...\nhook = after_commit(Task, greet)"
    work.write(NAME, hooked)
    hook = importlib.import_module("app.jobs.greeting").hook
    assert hook in hooks._hooks.values()
    work.write(NAME, "")
    assert hook not in hooks._hooks.values()


@pytest.mark.parametrize("name", ["../outside.py", "/etc/passwd", ".", "", "app/../../x.py"])
def test_a_name_outside_of_work_is_refused(root: Path, name: str) -> None:
    with pytest.raises(CourseError, match="no file inside work/"):
        work.write(name, "x = 1")
    assert sorted(item.name for item in root.iterdir()) == ["labkit.toml"]


def test_a_file_that_is_not_there_is_named(root: Path) -> None:
    with pytest.raises(CourseError, match=r"There is no file work/app/jobs/none.py yet"):
        work.read("app/jobs/none.py")


def test_what_is_no_python_is_saved_and_told(root: Path) -> None:
    with pytest.raises(CourseError, match=r"is saved, .* in line 2"):
        work.write(NAME, "x = 1\ndef broken(:\n")
    assert "broken" in work.read(NAME)
    work.write("notes.txt", "def broken(:")


def test_what_is_put_aside_is_out_of_the_way_and_kept(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    work.put_aside(NAME)
    without = capsys.readouterr().out
    for word in ("one", "two"):
        work.write(NAME, f"word = {word!r}")
        capsys.readouterr()
        work.put_aside(NAME)
        assert capsys.readouterr().out == without
    assert not (root / "work" / NAME).exists()
    assert (root / ".labkit/aside" / NAME).read_text() == "word = 'two'\n"
    with pytest.raises(ModuleNotFoundError):
        importlib.import_module("app.jobs.greeting")


def test_the_magic_saves_and_prints(settings: Settings) -> None:
    with Kernel() as kernel:
        kernel.run("%load_ext labkit")
        [saved] = kernel.run(f"%%work {NAME}\nword = 'one'")
        [shown] = kernel.run(f"%work {NAME}")
        [error] = kernel.run("%work app/jobs/none.py", fails=True)
    assert saved["text"] == f"Saved work/{NAME}.\n"
    assert shown["text"] == "word = 'one'\n"
    assert error["traceback"] == ["CourseError: There is no file work/app/jobs/none.py yet."]


def test_the_learners_tests_are_run_and_told_apart(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    work.write("tests/test_both.py", "def test_a(): assert True\ndef test_b(): assert 1 == 2")
    capsys.readouterr()
    assert work.run_tests() == {"test_a": True, "test_b": False}
    said = capsys.readouterr().out.splitlines()
    assert said[:3] == [
        "pytest",
        "PASSED tests/test_both.py::test_a",
        "FAILED tests/test_both.py::test_b - assert 1 == 2",
    ]
    assert said[3].startswith("1 failed, 1 passed in ")
    work.write("tests/test_both.py", "def test_a(): assert True\ndef test_b(): assert 2 == 2")
    assert work.run_tests() == {"test_a": True, "test_b": True}


def test_a_file_that_cannot_be_read_is_an_error_of_pytests(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    work.write("tests/test_broken.py", "import nowhere")
    assert work.run_tests() == {"tests/test_broken.py": False}
    assert "ERROR tests/test_broken.py" in capsys.readouterr().out
