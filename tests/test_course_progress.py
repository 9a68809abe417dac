"""Progress: marks that survive, a file that two may write, a map that is true."""

from __future__ import annotations

import json
import threading
from pathlib import Path

import pytest

from labkit.course import chapters, progress
from labkit.course.progress import load, path, record
from labkit.errors import CourseError


def test_nothing_is_written_before_something_is_answered(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    progress()
    assert "Nothing answered yet." in capsys.readouterr().out
    assert not path().exists()


def test_the_map_names_every_chapter_and_what_is_done(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    record("00.waiting", right=True)
    record("00.quiz.1", right=False)
    record("01.signup", right=True)
    progress()
    said = capsys.readouterr().out
    assert all(chapter.title in said for chapter in chapters.every())
    first = next(line for line in said.splitlines() if line.startswith("00"))
    start = chapters.find("00")
    assert f"1 of {len(start.predictions)}" in first
    assert f"0 of {len(start.quiz)}, 1 tried" in first
    assert "2 answered right so far." in said


def test_right_once_stays_right(root: Path) -> None:
    record("00.waiting", right=False)
    record("00.waiting", right=True)
    record("00.waiting", right=False)
    assert load().marks == {"00.waiting": True}


def test_threads_that_record_at_once_lose_nothing(root: Path) -> None:
    keys = [f"00.quiz.{n}" for n in range(20)]
    threads = [threading.Thread(target=record, args=(key, True)) for key in keys]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert load().marks == dict.fromkeys(keys, True)


@pytest.mark.parametrize("content", ["", "{", "[]", '{"format": 1}', '{"format": 2, "marks": {}}'])
def test_a_file_that_cannot_be_read_is_named(root: Path, content: str) -> None:
    path().parent.mkdir(parents=True)
    path().write_text(content)
    with pytest.raises(CourseError, match=r"progress\.json.*Move it away"):
        load()


def test_the_file_is_plain_json(root: Path) -> None:
    record("00.waiting", right=True)
    stored = {"format": 1, "marks": {"00.waiting": "right"}, "met": {}}
    assert json.loads(path().read_text()) == stored
