"""Exports: there and back, and a report that no file of a room can break."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

import labkit.cli
from labkit.course import chapters, export_progress, restore_progress
from labkit.course.export import KIND, write_export
from labkit.course.progress import Progress, load, path, record
from labkit.course.report import Report
from labkit.errors import CourseError

EVERY_SIGN = "".join(map(chr, [*range(1, 0x250), 0x200B, 0x202E, 0xD800, 0x1F600]))


def said(*words: str, code: int = 0) -> str:
    result = CliRunner().invoke(labkit.cli.app, list(words))
    assert result.exit_code == code, result.output
    return result.output


def hand_in(folder: Path, file: str, name: str, right: Sequence[str], **more: Any) -> Path:
    """An export as a learner would hand it in."""
    place = folder / file
    place.parent.mkdir(parents=True, exist_ok=True)
    marks = dict.fromkeys(right, "right") | dict.fromkeys(more.pop("wrong", ()), "wrong")
    stored = {"kind": KIND, "name": name, "format": 1, "marks": marks, "met": {}, **more}
    place.write_text(json.dumps(stored))
    return place


def test_one_cell_writes_it_and_one_cell_brings_it_back(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    record("00.sent", right=True)
    record("00.counts", right=False, met="00.naming")
    before = load()
    export_progress("Zoë Ångström")
    assert capsys.readouterr().out == "Written: progress-zoe-angstrom.json\n"
    path().unlink()
    assert load() == Progress()
    restore_progress("progress-zoe-angstrom.json")
    assert capsys.readouterr().out == "Restored: 2 answers, 1 of them right.\n"
    assert load() == before


def test_restoring_takes_nothing_away_and_twice_is_once(root: Path) -> None:
    record("00.counts", right=False, met="00.naming")
    file = write_export("Ann")
    record("00.counts", right=True)
    record("00.left", right=True, met="00.naming")
    for _ in range(2):
        restore_progress(file)
        assert load().marks == {"00.counts": True, "00.left": True}
        assert load().met == {"00.naming": 2}


def test_the_file_is_plain_json_with_a_version_and_no_code(root: Path) -> None:
    record("00.counts", right=False, met="00.naming")
    assert json.loads(write_export("Ann").read_text()) == {
        "kind": "labkit progress",
        "name": "Ann",
        "format": 1,
        "marks": {"00.counts": "wrong"},
        "met": {"00.naming": 1},
    }


def test_a_name_can_be_anything(root: Path) -> None:
    place = write_export(EVERY_SIGN * 9)
    assert place.parent == Path()
    assert len(place.name) < 255
    report = str(Report.of(root))
    assert all(line.isprintable() for line in report.splitlines())
    assert write_export("").name == "progress.json"
    assert write_export("../../etc").name == "progress-etc.json"


def test_the_commands_do_the_same(root: Path) -> None:
    record("00.sent", right=True)
    assert said("progress", "export", "--name", "Ann") == "Written: progress-ann.json\n"
    assert said("progress", "export", "--to", "there.json") == "Written: there.json\n"
    path().unlink()
    assert "1 answers" in said("progress", "import", "progress-ann.json")
    assert load().marks == {"00.sent": True}
    assert "cannot be written" in said("progress", "export", "--to", "no/where.json", code=1)


FOREIGN: dict[str, bytes] = {
    "empty": b"",
    "cut short": b'{"kind": "labkit progress", "format": 1, "marks": {"00.se',
    "a list": b"[]",
    "another's": b'{"format": 1, "marks": {}}',
    "a later one": json.dumps({"kind": KIND, "format": 2, "marks": {}}).encode(),
    "no marks": json.dumps({"kind": KIND, "format": 1}).encode(),
    "a strange mark": json.dumps({"kind": KIND, "format": 1, "marks": {"00.a": "x"}}).encode(),
    "marks in a list": json.dumps({"kind": KIND, "format": 1, "marks": []}).encode(),
    "met by true": json.dumps(
        {"kind": KIND, "format": 1, "marks": {}, "met": {"a": True}}
    ).encode(),
    "met too often": b'{"kind": "labkit progress", "format": 1, "marks": {}, "met": {"a": 1e400}}',
    "a huge number": b'{"kind": "labkit progress", "format": ' + b"9" * 9999 + b"}",
    "deep": b"[" * 100_000,
    "no text": b"\xff\xfe\x00PK",
    "too large": b" " * 1_000_001,
}


@pytest.mark.parametrize("content", FOREIGN.values(), ids=FOREIGN)
def test_what_is_no_export_is_named_and_changes_nothing(root: Path, content: bytes) -> None:
    record("00.sent", right=True)
    before = path().read_bytes()
    (root / "odd.json").write_bytes(content)
    told = said("progress", "import", "odd.json", code=1)
    assert told.startswith("labkit: odd.json ")
    assert told.count("\n") == 1
    assert path().read_bytes() == before
    folder = root / "handed in"
    hand_in(folder, "ann.json", "Ann", ["00.sent"])
    (folder / "odd.json").write_bytes(content)
    assert "Not read:\n  odd.json " in said("progress", "report", str(folder))


def test_a_file_that_is_not_there_or_a_folder_is_named(root: Path) -> None:
    assert "none.json cannot be read" in said("progress", "import", "none.json", code=1)
    assert "cannot be read" in said("progress", "import", str(root), code=1)
    assert "is no folder" in said("progress", "report", "nowhere", code=1)
    (root / "empty").mkdir()
    assert "no export of progress in" in said("progress", "report", "empty", code=1)


def test_the_report_says_who_passed_what_and_which_misconception_was_met(root: Path) -> None:
    folder = root / "in"
    everything = [key for c in chapters.every() for ids in c.ids().values() for key in ids]
    hand_in(folder, "a.json", "Ann", everything, met={"00.naming": 1})
    hand_in(folder, "sub/b.json", "Bob", ["00.sent"], wrong=["00.counts"], met={"00.naming": 4})
    hand_in(folder, "c.json", "", [], wrong=["00.counts"], met={"00.typed": 9})
    hand_in(folder, "d.json", "Dan", ["99.gone"])
    hand_in(folder, "again.json", "Dan", [])
    (folder / ".hidden.json").write_text("{")
    lines = said("progress", "report", str(folder)).splitlines()

    def line(start: str) -> list[str]:
        return next(each.split() for each in lines if each.startswith(start))

    start = chapters.find("00")
    n, q = len(start.exercises), len(start.quiz)
    assert line("Ann")[1:3] == [f"{n}/{n}", f"{q}/{q}"]
    assert line("Bob")[1:3] == [f"1/{n}", f"0/{q}"]
    assert line("c ")[1:3] == [f"0/{n}", f"0/{q}"]
    assert line("Dan (again.json)")
    assert line("Dan (d.json)")[-1] == "1"
    assert line("00.counts")[1:] == ["1", "2", "Bob,", "c"]
    assert line("00.naming")[1:3] == ["2", "5"]
    assert line("00.typed")[1:3] == ["1", "9"]
    assert " ".join(line("00.naming")[3:]) == start.misconceptions["naming"].belief
    assert not any("Not read" in each for each in lines)
    for_programs = json.loads(said("progress", "report", str(folder), "--json"))
    assert for_programs["learners"]["Bob"]["marks"] == {"00.sent": True, "00.counts": False}
    assert for_programs["misconceptions"][0]["id"] == "00.naming"
    assert for_programs["exercises"]["00.counts"]["tried"] == ["Bob", "c"]


def test_a_room_of_many(root: Path) -> None:
    for number in range(40):
        hand_in(root / "in", f"{number}.json", f"Learner {number:02}", [], wrong=["05.tomorrow"])
    report = str(Report.of(root / "in"))
    assert report.startswith("40 learners")
    assert "Learner 07 and 32 more" in report


def test_a_damaged_store_is_named_by_export_too(root: Path) -> None:
    record("00.sent", right=True)
    path().write_text("{")
    with pytest.raises(CourseError, match=r"progress\.json is damaged"):
        write_export("Ann")
