"""``make audit``: a planted danger is found, in code, in a cell and in the lock."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

import pytest
import yaml

from tools import audit
from tools.environments import read_lock

LOCK = "jinja2==3.1.4 \\\n    --hash=sha256:0\nredis==8.1.0 \\\n    --hash=sha256:0\n"


def project(root: Path, code: str, cell: str) -> Path:
    (root / "labkit").mkdir()
    (root / "labkit" / "jobs.py").write_text(code)
    (root / "notebooks").mkdir()
    notebook = {"cells": [{"cell_type": "code", "source": [cell]}]}
    (root / "notebooks" / "01.ipynb").write_text(json.dumps(notebook))
    (root / "requirements.lock").write_text(LOCK)
    return root


@pytest.mark.parametrize(
    ("code", "cell", "is_clean"),
    [
        ("one = 1\n", "%load_ext labkit\nlog = !ls\none", True),
        ("import pickle\npickle.loads(b'')\n", "one = 1", False),
        ("one = 1\n", "import os\nos.system('ls ' + input())", False),
    ],
)
def test_what_bandit_knows_is_found_in_code_and_in_cells(
    tmp_path: Path, code: str, cell: str, is_clean: bool
) -> None:
    assert audit.scan_code(project(tmp_path, code, cell)) is is_clean


def test_a_cell_that_cannot_be_read_is_not_passed_over(tmp_path: Path) -> None:
    with pytest.raises(SyntaxError):
        audit.scan_code(project(tmp_path, "", "def broken(:"))


def advisory(**affected: Any) -> dict[str, Any]:
    package = {"ecosystem": "PyPI", "name": "Jinja2"}
    return {"id": "X-1", "summary": "a hole", "affected": [{"package": package, **affected}]}


def between(*events: dict[str, str]) -> dict[str, Any]:
    return {"ranges": [{"type": "ECOSYSTEM", "events": list(events)}]}


@pytest.mark.parametrize(
    ("affected", "is_found"),
    [
        ({"versions": ["3.1.3", "3.1.4"]}, True),
        ({"versions": ["3.1.3"]}, False),
        (between({"introduced": "0"}, {"fixed": "3.1.5"}), True),
        (between({"introduced": "0"}, {"fixed": "3.1.4"}), False),
        (between({"introduced": "0"}), True),
        (between({"introduced": "3.1.5"}), False),
        (between({"introduced": "0"}, {"last_affected": "3.1.4"}), True),
        (between({"introduced": "0"}, {"last_affected": "3.1.3"}), False),
        (between({"fixed": "3"}, {"introduced": "3.1"}, {"introduced": "0"}), True),
        (between({"introduced": "2008-x"}, {"fixed": "3.1.4.post1"}), True),
    ],
)
def test_a_locked_version_is_held_against_an_advisory(
    affected: dict[str, Any], is_found: bool
) -> None:
    found = audit.held_against(read_lock(LOCK), [advisory(**affected)])
    assert found == (["jinja2 3.1.4: X-1 () a hole"] if is_found else [])


def test_what_was_withdrawn_or_is_another_ecosystems_is_no_finding() -> None:
    withdrawn = advisory(versions=["3.1.4"]) | {"withdrawn": "2026-01-01T00:00:00Z"}
    elsewhere = advisory(versions=["3.1.4"])
    elsewhere["affected"][0]["package"]["ecosystem"] = "npm"
    assert audit.held_against(read_lock(LOCK), [withdrawn, elsewhere]) == []


@pytest.mark.parametrize("form", ["all.zip", "all/X-1.json", "clone/vulns/jinja2/X-1.yaml"])
def test_offline_it_reads_an_archive_a_folder_or_a_clone_and_fails_when_something_is_found(
    tmp_path: Path, form: str, capsys: pytest.CaptureFixture[str]
) -> None:
    root = project(tmp_path, "one = 1\n", "one")
    path, place = tmp_path / form, tmp_path / form.partition("/")[0]
    path.parent.mkdir(parents=True, exist_ok=True)
    for version, status in (("3.1.3", 0), ("3.1.4", 1)):
        found = advisory(versions=[version])
        text = yaml.safe_dump(found) if form.endswith("yaml") else json.dumps(found)
        if path.suffix == ".zip":
            with zipfile.ZipFile(path, "w") as archive:
                archive.writestr("X-1.json", text)
        else:
            path.write_text(text)
        assert audit.main(["--advisories", str(place)], root) == status
        assert f"2 locked versions, 1 advisories: {status} found" in capsys.readouterr().out


def test_without_uv_it_says_what_asks_nobody(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert not audit.ask(tmp_path)
    assert "--advisories FILE" in capsys.readouterr().err


def test_a_package_of_which_nothing_is_heard_is_not_passed_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """pip-audit by itself counts it as clean: an index without advisories finds every lock good."""
    uv = tmp_path / "uv"
    uv.write_text('#!/bin/sh\ncase "$*" in *" --strict "*) exit 1;; esac\n')
    uv.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    assert not audit.ask(tmp_path)
