"""The timeline: each job's times, as they come."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import dramatiq
import pytest
from dramatiq import Message

from labkit.broker import LabBroker
from labkit.widgets import Timeline
from labkit.widgets.place import Place
from tests.support_jobs import quick_retries, running_worker
from tests.support_widgets import FakePage

if TYPE_CHECKING:
    pass


def send(broker: LabBroker, actor: str = "works") -> Message[Any]:
    return broker.enqueue(Message("default", actor, (), {}, {}))


def test_a_jobs_attempts_in_their_order(broker: LabBroker, redis_url: str) -> None:
    @dramatiq.actor(broker=broker)
    def fails() -> None:
        raise ValueError("no")

    quick_retries(broker, max_retries=2)
    job = send(broker, "fails")
    timeline = Timeline(job, url=redis_url)
    page = FakePage(timeline)
    page.wait_until(lambda view: view["order"] == [job.message_id])
    with running_worker(broker):
        page.wait_until(lambda view: view["jobs"][job.message_id]["state"] == "dead")
    bar = page.view["jobs"][job.message_id]
    assert [one["failed"] for one in bar["tries"]] == [True, True, True]
    times = [bar["enqueued"]]
    for one in bar["tries"]:
        times += [one["started"], one["finished"]]
    assert times == sorted(times)
    assert "traceback" not in str(page.view)
    timeline.close()


def test_the_jobs_that_changed_last_in_the_order_of_their_beginning(
    broker: LabBroker, redis_url: str
) -> None:
    sent = [send(broker).message_id for _ in range(5)]
    timeline = Timeline(url=redis_url, limit=3)
    page = FakePage(timeline)
    page.wait_until(lambda view: view["order"] == sent[2:])
    newest = send(broker).message_id
    page.wait_until(lambda view: view["order"] == [*sent[3:], newest])
    assert set(page.view["jobs"]) == set(page.view["order"])
    timeline.close()


def test_jobs_can_be_named_in_three_ways(broker: LabBroker, redis_url: str) -> None:
    jobs = [send(broker) for _ in range(3)]
    timeline = Timeline(url=redis_url, limit=3)
    with Place.of(redis_url, None).ledger() as ledger:
        record = ledger.job(jobs[1].message_id)
    assert record is not None
    named = Timeline(jobs[0], record, jobs[2].message_id, "gone", url=redis_url)
    page = FakePage(named)
    page.wait_until(lambda view: view["order"] == [job.message_id for job in jobs])
    html = named.snapshot().html
    assert html.count("works()") == 3
    assert "These jobs" in html
    assert timeline.snapshot().html.count("works()") == 3
    named.close()
    timeline.close()


def test_wrong_arguments_are_refused(redis_url: str) -> None:
    with pytest.raises(TypeError, match="is no job"):
        Timeline(7, url=redis_url)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="1 to 50"):
        Timeline(url=redis_url, limit=51)
    with pytest.raises(ValueError, match="1 to 50"):
        Timeline(*["id"] * 51, url=redis_url)
