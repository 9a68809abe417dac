"""A job as it is shown: short, plain, and with nothing that has not come."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import dramatiq
import pytest
from dramatiq.brokers.stub import StubBroker

from labkit.ledger.records import Attempt, JobRecord, JobState
from labkit.ledger.workers import WorkerCard
from labkit.widgets.looking import Picture, Question
from labkit.widgets.present import show_in_full, show_job, show_picture

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)


def job(state: JobState = JobState.ENQUEUED, **given: object) -> JobRecord:
    values: dict[str, object] = {
        "id": "one",
        "actor": "task_logger",
        "queue": "default",
        "args": (7,),
        "kwargs": {},
        "state": state,
        **given,
    }
    return JobRecord(**values)  # type: ignore[arg-type]


def picture(*jobs: JobRecord, workers: tuple[WorkerCard, ...] = (), **asked: object) -> Picture:
    question = Question(**asked)  # type: ignore[arg-type]
    counts = dict.fromkeys(JobState, 3)
    opened = dict.fromkeys(question.job_ids)
    return Picture(question, counts, list(jobs), 0, opened, list(workers), NOON)


def card(*actors: str) -> WorkerCard:
    return WorkerCard("w", "host", 7, 4, ("default",), actors, NOON)


def test_what_has_not_come_is_left_out() -> None:
    row = show_job(job())
    assert row == {
        "id": "one",
        "state": "enqueued",
        "actor": "task_logger",
        "arguments": "7",
        "queue": "default",
        "attempts": 0,
    }


def test_times_are_milliseconds() -> None:
    row = show_job(job(enqueued_at=NOON, started_at=NOON + timedelta(seconds=1.5)))
    assert row["started"] - row["enqueued"] == 1_500


def test_an_error_is_its_first_line_and_in_full_all_of_it() -> None:
    tried = Attempt(NOON, NOON, "host:7", "ValueError: no\nsecond line", "Traceback …\nValueError")
    failed = job(JobState.DEAD, attempts=[tried])
    assert show_job(failed)["error"] == "ValueError: no"
    [shown] = show_in_full(failed)["tries"]
    assert shown["error"] == "ValueError: no\nsecond line"
    assert shown["traceback"] == "Traceback …\nValueError"


def test_arguments_that_were_cut_are_shown_as_far_as_they_go() -> None:
    cut = job(args=('{"args":[1,2,3…',), is_cut=True)
    assert show_job(cut)["arguments"] == '{"args":[1,2,3…'
    secret = job(args=('{"kwargs":{"password":"hunter2',), is_cut=True)
    assert "hunter2" not in show_job(secret)["arguments"]


def test_a_known_actors_parameters_have_names(monkeypatch: pytest.MonkeyPatch) -> None:
    broker = StubBroker()
    monkeypatch.setattr(dramatiq.broker, "global_broker", broker)

    @dramatiq.actor(broker=broker)
    def sign_in(user: str, password: str) -> None: ...

    tried = Attempt(NOON, NOON, "host:7", "ValueError: hunter2 is wrong")
    shown = show_in_full(job(actor="sign_in", args=("ada", "hunter2"), attempts=[tried]))
    assert shown["arguments"] == "'ada', •••"
    assert "hunter2" not in json.dumps(shown)


def test_a_view_has_no_none_in_it() -> None:
    view = show_picture(picture(job(), job_ids=("gone",)))
    assert "null" not in json.dumps(view)
    assert view["job"] == {"id": "gone", "gone": True}
    assert view["counts"]["running"] == 3
    assert (view["tab"], view["total"]) == ("recent", 1)
    assert show_picture(picture(state=JobState.DEAD))["total"] == 3


def test_an_actor_that_no_worker_knows_is_named() -> None:
    waiting, over = job(actor="lost"), job(JobState.COMPLETED, actor="old")
    assert "no worker runs" in show_picture(picture(waiting))["hint"], "another matter"
    shown = show_picture(picture(waiting, over, workers=(card("a"),)))
    assert shown["hint"] == "no worker knows lost: put it into work/app/jobs/"
    both = show_picture(picture(waiting, workers=(card("a"), card("lost"))))
    assert both["hint"] == "2 workers, 8 threads"
