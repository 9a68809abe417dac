"""``make nightly``: counts the runs that pass, and keeps what the others said."""

from __future__ import annotations

from pathlib import Path

import pytest

from tools import nightly


@pytest.fixture
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(nightly, "ROOT", tmp_path)
    monkeypatch.setattr(nightly, "KEPT", tmp_path / "nightly")
    return tmp_path / "nightly"


def test_runs_are_counted_and_a_failed_one_is_kept(
    kept: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (kept.parent / "tools").mkdir()
    runs = kept.parent / "tools" / "notebooks.py"
    note = kept.parent / "note"
    runs.write_text(
        "import pathlib, sys\n"
        f"note = pathlib.Path({str(note)!r})\n"
        "note.write_text(note.read_text() + 'x' if note.exists() else 'x')\n"
        "print(sys.argv[1:]); sys.exit(note.read_text() == 'xx')\n"
    )
    assert nightly.main(["--runs", "3", "05"]) == 1
    out = capsys.readouterr().out.splitlines()
    assert [line.split(",")[0] for line in out] == [
        "run 1: passed",
        "run 2: FAILED",
        "run 3: passed",
        "2 of 3 runs passed",
    ]
    assert "['--check', '05']" in (kept / "run-2.log").read_text()
    assert nightly.main(["--runs", "1"]) == 0


def test_none_at_all_is_no_success(kept: Path) -> None:
    assert nightly.main(["--runs", "0"]) == 1
