"""Predictions are held against what was observed, never against a stored key."""

from __future__ import annotations

import pytest

from labkit.course import predict, settle
from labkit.course.prediction import Prediction
from labkit.course.progress import load
from labkit.errors import CourseError
from labkit.ledger.records import JobState
from labkit.settings import Settings

pytestmark = pytest.mark.usefixtures("root")

WAITING = "00.waiting"


@pytest.fixture(autouse=True)
def nothing_predicted() -> None:
    """What a test before this one answered is settled, so that the next ``predict`` asks anew."""
    settle(WAITING, JobState.ENQUEUED)


def test_the_question_shows_its_options_with_their_numbers(
    capsys: pytest.CaptureFixture[str],
) -> None:
    capsys.readouterr()
    predict(WAITING)
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("Predict: You send a job")
    assert [line.strip()[:4] for line in lines[1:]] == ["○ 1.", "○ 2.", "○ 3."]


def test_without_an_answer_it_says_what_happened_and_keeps_no_mark(
    capsys: pytest.CaptureFixture[str],
) -> None:
    predict(WAITING)
    capsys.readouterr()
    settle(WAITING, JobState.ENQUEUED)
    assert "You made no prediction. What happened: It waits in Redis." in capsys.readouterr().out
    assert load().marks == {}


def test_the_run_decides_which_option_is_right(capsys: pytest.CaptureFixture[str]) -> None:
    predict(WAITING, 1)
    settle(WAITING, JobState.COMPLETED)
    assert "As you predicted: It has run" in capsys.readouterr().out

    predict(WAITING, 1)
    settle(WAITING, JobState.DEAD)
    assert "It went otherwise: It is lost" in capsys.readouterr().out


def test_a_miss_is_told_with_the_misconception_and_the_reason(
    capsys: pytest.CaptureFixture[str],
) -> None:
    predict(WAITING, 1)
    capsys.readouterr()
    settle(WAITING, JobState.ENQUEUED)
    head, said, note, why = capsys.readouterr().out.splitlines()
    assert head == "It went otherwise: It waits in Redis."
    assert said == "You predicted: It has run: sending a job runs it."
    assert note.startswith("Sending puts a job down")
    assert why.startswith("A queue exists")
    assert load().marks == {WAITING: False}


def test_asking_again_keeps_a_choice_until_it_is_settled(
    capsys: pytest.CaptureFixture[str],
) -> None:
    predict(WAITING, 2)
    predict(WAITING)
    assert "● 2." in capsys.readouterr().out
    settle(WAITING, JobState.ENQUEUED)
    predict(WAITING)
    assert "●" not in capsys.readouterr().out


@pytest.mark.parametrize("answer", [0, 4, -1, "2", 1.5])
def test_an_answer_that_is_no_option_is_refused(answer: object) -> None:
    with pytest.raises(CourseError, match="options 1 to 3"):
        predict(WAITING, answer)  # type: ignore[arg-type]


@pytest.mark.parametrize("key", ["00.nothing", "99.waiting", "waiting", "", 5])
def test_an_unknown_id_is_refused_and_the_known_ones_are_named(key: object) -> None:
    with pytest.raises(CourseError, match=r"no id|There is no chapter|It has: 00\.waiting"):
        predict(key)  # type: ignore[arg-type]


@pytest.mark.parametrize(("size", "count"), [(1, 0), (20, 2)])
def test_exactly_one_option_must_come_true(size: int, count: int) -> None:
    question = Prediction(
        "How many?",
        [
            ("few", lambda n: 2 < n < 5),
            ("ten or more", lambda n: n >= 10),
            ("many", lambda n: n > 9),
        ],
    )
    with pytest.raises(CourseError, match=f"it was {count}"):
        question.outcome("00.many", [size])


def test_what_cannot_be_judged_names_the_cell_before() -> None:
    question = Prediction("How long?", [("short", lambda text: len(text) < 3)])
    with pytest.raises(CourseError, match="Run the cell before it again"):
        question.outcome("00.long", [None])


def test_marks_are_kept_under_the_root() -> None:
    predict(WAITING, 2)
    settle(WAITING, JobState.ENQUEUED)
    assert (Settings().state_dir / "progress.json").is_file()
