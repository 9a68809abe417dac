"""Replay: the counts and jobs of an earlier event are those that were seen at that event."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import dramatiq
import pytest
from dramatiq import Message

from labkit.broker import LabBroker
from labkit.ledger.reader import Ledger
from labkit.ledger.records import JobState
from labkit.ledger.replay import Replay
from labkit.widgets import JobBoard
from tests.support_jobs import quick_retries, running_worker, wait_for_state
from tests.support_widgets import FakePage

if TYPE_CHECKING:
    pass


def send(broker: LabBroker, number: int = 7, **more: Any) -> str:
    return broker.enqueue(Message("default", "works", (number,), {}, {}), **more).message_id


def test_every_moment_is_as_it_was_seen(broker: LabBroker, ledger: Ledger) -> None:
    # Given what the counts and states were after each of some steps
    seen = []

    def note() -> None:
        events = ledger.client.xlen(ledger.keys.events)
        found = {job.id: job.state for state in JobState for job in ledger.jobs(state)}
        seen.append((events, ledger.counts(), found))

    note()
    first, late = send(broker), send(broker, 2, delay=60_000)
    note()
    ledger.cancel(first)
    note()
    ledger.run_now(late)
    note()
    ledger.delete(first)
    note()

    @dramatiq.actor(broker=broker)
    def works(number: int) -> None:
        raise ValueError("no")

    quick_retries(broker, max_retries=2)
    with running_worker(broker):
        wait_for_state(ledger, late, JobState.DEAD)
    note()
    ledger.retry(late)
    note()
    # When they are looked at again, from the end
    replay, end = Replay(), seen[-1][0]
    for events, counts, found in reversed(seen):
        moment = replay.look(ledger, end - events, 10)
        # Then they are the same
        assert (moment.place, moment.length) == (events, end)
        assert moment.counts == counts
        assert {job.id: job.state for job in moment.jobs} == found


def test_what_came_later_is_not_told(broker: LabBroker, ledger: Ledger) -> None:
    @dramatiq.actor(broker=broker)
    def works(number: int) -> None:
        raise ValueError("no")

    quick_retries(broker, max_retries=1)
    job_id = send(broker)
    with running_worker(broker):
        wait_for_state(ledger, job_id, JobState.DEAD)
    replay = Replay()
    by_state = {}
    for back in range(ledger.client.xlen(ledger.keys.events)):
        [job] = replay.look(ledger, back, 5).jobs
        by_state[job.state] = job
        if job.state is JobState.ENQUEUED:
            assert (job.started_at, job.finished_at) == (None, None)
    assert len(by_state[JobState.DEAD].attempts) == 2
    assert by_state[JobState.DEAD].finished_at is not None
    assert len(by_state[JobState.RETRYING].attempts) == 1
    assert by_state[JobState.RETRYING].error == "ValueError: no"
    assert by_state[JobState.ENQUEUED].attempts == [], "the last of these is its beginning"


def test_the_end_stays_where_it_was(broker: LabBroker, ledger: Ledger) -> None:
    send(broker)
    replay = Replay()
    assert replay.look(ledger, 0, 5).counts[JobState.ENQUEUED] == 1
    send(broker)
    assert replay.look(ledger, 0, 6).counts[JobState.ENQUEUED] == 1
    assert replay.look(ledger, 99, 5).place == 0
    assert Replay().look(ledger, 0, 5).counts[JobState.ENQUEUED] == 2


def test_nothing_is_before_a_clear(broker: LabBroker, ledger: Ledger) -> None:
    send(broker)
    ledger.clear()
    assert Replay().look(ledger, 5, 5).length == 0
    send(broker)
    moment = Replay().look(ledger, 5, 5)
    assert (moment.length, moment.place, moment.step, moment.jobs) == (1, 0, None, [])
    assert moment.counts[JobState.ENQUEUED] == 0


def test_the_board_goes_back_and_returns(broker: LabBroker, ledger: Ledger, redis_url: str) -> None:
    board = JobBoard(redis_url, limit=5)
    page = FakePage(board)
    first = send(broker)
    page.ask(kind="look", tab="enqueued")
    page.wait_until(lambda view: view["order"] == [first])
    # When the page goes back one event, and jobs go on moving
    page.ask(kind="look", back=0)
    assert page.view["past"]["place"] == page.view["past"]["length"] == 1
    page.ask(kind="look", back=1, job=first)
    words = "event 0 of 1 · before the first event"
    assert page.view["past"] == {"place": 0, "length": 1, "words": words}
    assert page.view["empty"][0] == "No jobs yet"
    assert page.view["counts"]["enqueued"] == 0
    second = send(broker, 8)
    page.ask(kind="look", back=0)
    # Then it shows what was, and says so
    assert page.view["order"] == [first]
    assert page.view["counts"]["enqueued"] == 1
    past = page.view["past"]
    assert past["words"] == "event 1 of 1 · works(7) enqueued"
    assert "job" not in page.view
    # And is back where it was once asked to
    page.ask(kind="look", back=None)
    assert "past" not in page.view
    assert page.view["tab"] == "enqueued"
    assert page.view["order"] == [first, second]
    # What makes no sense changes nothing; another list ends the past
    page.ask(kind="look", back=-3)
    page.ask(kind="look", back="x")
    assert "past" not in page.view
    board.replay(2)
    page.wait_until(lambda view: view["past"]["place"] == 0)
    page.ask(kind="look", tab="dead")
    assert "past" not in page.view
    with pytest.raises(ValueError, match="back"):
        board.replay(-1)
    board.close()
