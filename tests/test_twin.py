"""The static twin: true, readable without style, harmless, and comparable."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from typing import TYPE_CHECKING, Any

import pytest
from dramatiq import Message

from labkit.broker import LabBroker
from labkit.ledger.records import JobState
from labkit.widgets import JobBoard, twin
from labkit.widgets.twin import duration

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def board(redis_url: str) -> Iterator[JobBoard]:
    board = JobBoard(redis_url)
    yield board
    board.close()


def send(broker: LabBroker, actor: str, *args: Any, delay: int | None = None) -> str:
    return broker.enqueue(Message("default", actor, args, {}, {}), delay=delay).message_id


class Reader(HTMLParser):
    """What somebody reads who sees no style: the text, cell by cell; and all tags."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.cells: list[str] = []
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}
        if tag in ("td", "th", "p"):
            self.cells.append("")

    def handle_data(self, data: str) -> None:
        if self.cells:
            self.cells[-1] += data


def test_it_is_true_at_that_moment(board: JobBoard, broker: LabBroker) -> None:
    send(broker, "task_logger", 7)
    send(broker, "send_email", "Ada", delay=3_600_000)
    snapshot = board.snapshot()
    text = Reader(snapshot.html).cells
    assert "≡ enqueued" in text
    assert "task_logger(7)" in text
    assert "send_email('Ada')" in text
    assert any(cell.startswith("due ") for cell in text)
    assert "enqueued 1" in text[0]
    counts = ("1 scheduled", "1 enqueued", *(f"0 {state}" for state in list(JobState)[2:]))
    assert repr(snapshot) == f"Job board: {', '.join(counts)}"
    send(broker, "task_logger", 8)
    assert "2 enqueued" in repr(board.snapshot())
    assert "1 enqueued" in repr(snapshot), "an earlier one stays as it was"


def test_it_shows_the_list_that_the_board_shows(board: JobBoard, broker: LabBroker) -> None:
    send(broker, "now")
    send(broker, "later", delay=3_600_000)
    board.show(JobState.SCHEDULED)
    html = board.snapshot().html
    assert "later()" in html
    assert "now()" not in html


def test_an_empty_board_says_so(board: JobBoard) -> None:
    html = board.snapshot().html
    assert "No jobs here" in html
    assert "<table" not in html


def test_nothing_that_a_viewer_would_strip_or_run(board: JobBoard, broker: LabBroker) -> None:
    attack = "<script>alert(1)</script><img src=x onerror=alert(1)>\"'><style>*{display:none}"
    send(broker, attack, attack, {attack: attack})
    html = board.snapshot().html + str(JobBoard._stands_in)
    read = Reader(html)
    layout = {"div", "p", "table", "thead", "tbody", "tr", "th", "td"}
    assert read.tags <= layout | {"strong", "em", "small", "span", "code"}
    assert read.attributes <= {"style"}
    assert any("<script>alert(1)</script>" in cell for cell in read.cells), "shown, not run"


def test_what_differs_between_runs_are_moments_and_durations(
    board: JobBoard, broker: LabBroker
) -> None:
    def comparable() -> str:
        broker.client.flushdb()
        send(broker, "task_logger", 7)
        send(broker, "later", 7, delay=3_600_000)
        html = board.snapshot().html
        html = re.sub(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", "MOMENT", html)
        return re.sub(r"\d\d:\d\d:\d\d", "CLOCK", html).replace("MOMENT", "CLOCK")

    assert comparable() == comparable()


@pytest.mark.parametrize(
    ("millis", "text"),
    [
        (-5, "0 ms"),
        (0.4, "0 ms"),
        (12, "12 ms"),
        (999.4, "999 ms"),
        (999.6, "1.0 s"),
        (9_940, "9.9 s"),
        (9_960, "10 s"),
        (59_400, "59 s"),
        (200_000, "3 min 20 s"),
        (7_500_000, "2 h 5 min"),
    ],
)
def test_durations(millis: float, text: str) -> None:
    assert duration(millis) == text


def test_every_state_has_a_shape_of_its_own() -> None:
    assert set(twin.SHAPES) == set(JobState)
    assert len({shape for shape, _ in twin.SHAPES.values()}) == len(JobState)
