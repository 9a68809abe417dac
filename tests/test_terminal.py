"""A worker's output as lines of pieces."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labkit.widgets.terminal import WIDTH, Tail, read_line


@pytest.mark.parametrize(
    ("line", "pieces"),
    [
        ("", []),
        ("plain", [["", "plain"]]),
        ("\x1b[31mred\x1b[0m plain", [["red", "red"], ["", " plain"]]),
        (
            "\x1b[1;32mboth\x1b[22m one\x1b[39m none",
            [["bold green", "both"], ["green", " one"], ["", " none"]],
        ),
        ("\x1b[94mbright\x1b[m", [["blue", "bright"]]),
        ("\x1b[0;38;5;9mof 256\x1b[0m", [["red", "of 256"]]),
        ("\x1b[38;5;31;1mof 256\x1b[0m", [["cyan bold", "of 256"]]),
        ("\x1b[38;5;208morange\x1b[0m", [["red", "orange"]]),
        ("\x1b[38;5;250mgrey\x1b[0m", [["white", "grey"]]),
        ("\x1b[38;2;30;200;40mtrue\x1b[0m", [["green", "true"]]),
        ("\x1b[48;5;31;32mground\x1b[0m", [["green", "ground"]]),
        ("\x1b[38mcut", [["black", "cut"]]),
        ("\x1b]8;;http://x\x07link\x1b]8;;\x07", [["", "link"]]),
        ("\x1b[2J\x1b[Hcleared", [["", "cleared"]]),
        ("10 %\r50 %\r100 %\r", [["", "100 %"]]),
        ("bell \x07 and \u202e", [["", "bell \\x07 and \\u202e"]]),
        ("token=hunter2", [["", "token=•••"]]),
        (
            "[2026-11-23 14:03:22,123] [PID 7] [Thread-4] [app.jobs] [WARNING] careful",
            [
                ["prefix", "[2026-11-23 14:03:22,123] [PID 7] [Thread-4] [app.jobs] [WARNING] "],
                ["warning", "careful"],
            ],
        ),
    ],
)
def test_a_line(line: str, pieces: list[list[str]]) -> None:
    assert read_line(line) == pieces


@given(st.text())
def test_no_control_character_is_left(line: str) -> None:
    text = "".join(text for _, text in read_line(line))
    assert all(character.isprintable() or character in "\t\n" for character in text)


def test_a_long_line_is_cut() -> None:
    assert len(read_line("x" * 100_000)[0][1]) <= WIDTH


def test_the_end_of_a_file_that_grows(tmp_path: Path) -> None:
    path = tmp_path / "worker.log"
    tail = Tail(path, most=3)
    tail.read()
    assert tail.lines == {}
    path.write_bytes(b"one\ntwo\nthr")
    tail.read()
    assert list(tail.lines.items()) == [
        ("0", [["", "one"]]),
        ("1", [["", "two"]]),
        ("2", [["", "thr"]]),
    ]
    with path.open("ab") as file:
        file.write("ee\nfüur\n".encode())
    tail.read()
    assert tail.lines == {"1": [["", "two"]], "2": [["", "three"]], "3": [["", "füur"]]}
    tail.read()
    assert list(tail.lines) == ["1", "2", "3"]


def test_a_rush_of_output_is_skipped(tmp_path: Path) -> None:
    path = tmp_path / "worker.log"
    path.write_bytes(b"line\n" * 500_000 + b"last\n")
    tail = Tail(path, most=10)
    tail.read()
    assert len(tail.lines) == 10
    assert list(tail.lines.values())[-1] == [["", "last"]]
