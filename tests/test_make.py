"""The Makefile and tools/check.py: what a person types, and what comes of it."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from tools import check

ROOT = Path(__file__).resolve().parent.parent
MAKEFILE = (ROOT / "Makefile").read_text()


def would_do(*arguments: str) -> str:
    """The commands that make would run."""
    command = ["make", "--no-print-directory", "-n", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout


def test_make_alone_is_make_test() -> None:
    assert would_do() == would_do("test")
    assert "tools/check.py\n" in would_do()


def test_lab_passes_its_options_on() -> None:
    assert ".venv/bin/labkit lab --no-browser --port 8889\n" in would_do(
        "lab", "ARGS=--no-browser --port 8889"
    )


def test_every_target_is_told_by_help_and_sets_up_first() -> None:
    phony = re.findall(r"^\.PHONY: (.*)$", MAKEFILE, re.MULTILINE)
    targets = set(phony[0].split())
    told = subprocess.run(["make", "help"], cwd=ROOT, capture_output=True, text=True, check=True)
    assert set(re.findall(r"^make ([a-z-]+) +\S", told.stdout, re.MULTILINE)) == targets
    for target in targets - {"help", "clean"}:
        assert would_do(target).startswith("sh tools/setup.sh\n"), target


def group(*scripts: str, home: str = ".") -> check.Group:
    return check.Group("sample", home, [["python", "-c", script] for script in scripts])


def test_a_group_runs_all_its_commands_and_fails_with_any_of_them(tmp_path: Path) -> None:
    note = "open('ran', 'a').write('x')"
    assert check.run(group(note, note), tmp_path) == "passed"
    assert check.run(group("raise SystemExit(3)", note), tmp_path) == "FAILED"
    assert (tmp_path / "ran").read_text() == "xxx"


def test_a_group_without_its_folder_says_so(tmp_path: Path) -> None:
    assert check.run(group("1", home="notebooks"), tmp_path) == "no notebooks/ here"


def test_a_tool_that_is_missing_fails_the_group(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert check.run(check.Group("sample", ".", [["no-such-tool"]]), tmp_path) == "FAILED"
    assert "no-such-tool is not installed" in capsys.readouterr().out


def test_the_summary_names_each_group_and_the_status_is_that_of_the_worst(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    samples = [group("1"), check.Group("bad", ".", [["python", "-c", "raise SystemExit(1)"]])]
    monkeypatch.setattr(check, "groups", lambda slow: samples)
    assert check.main([]) == 1
    out = capsys.readouterr().out
    assert re.search(r"^sample +passed +\d+\.\d s$", out, re.MULTILINE)
    assert re.search(r"^bad +FAILED +\d+\.\d s$", out, re.MULTILINE)
    assert check.main(["sample"]) == 0
    with pytest.raises(SystemExit):
        check.main(["other"])
    assert "no group other; there are sample, bad" in capsys.readouterr().err


def test_slow_tests_are_left_to_test_all() -> None:
    def words(slow: bool) -> list[str]:
        return [word for each in check.groups(slow) for line in each.commands for word in line]

    assert "not slow" in words(slow=False)
    assert "not slow" not in words(slow=True)
