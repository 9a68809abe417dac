"""The actor decorator: at a time, in bulk, again, and refused when it cannot work."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from uuid import RFC_4122, UUID

import dramatiq
import pytest
from dramatiq.brokers.stub import StubBroker

from labkit.actors import LabActor, UnknownActorWarning, actor, default_broker
from labkit.broker import LabBroker
from labkit.errors import InvalidSchedule, UnknownQueue
from labkit.ledger.reader import Ledger
from labkit.ledger.records import JobState
from labkit.settings import Settings
from tests.support_jobs import running_worker


@pytest.fixture
def broker(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> LabBroker:
    broker = LabBroker()
    monkeypatch.setattr("dramatiq.broker.global_broker", broker)
    return broker


@pytest.fixture
def note(broker: LabBroker) -> LabActor[..., None]:
    @actor
    def note(*args: object) -> None: ...

    return note


def test_an_actor_is_an_ordinary_function_too(broker: LabBroker) -> None:
    @actor
    def double(n: int) -> int:
        return 2 * n

    assert double(4) == 8


def test_send_in_and_send_at_are_scheduled(note: LabActor[..., None], redis_url: str) -> None:
    ledger = Ledger(redis_url)
    soon = note.send_in(timedelta(minutes=1), 1)
    when = datetime.now(timezone(timedelta(hours=9))) + timedelta(hours=2)
    late = note.send_at(when, 2)
    assert [job.id for job in ledger.jobs("scheduled")] == [soon.message_id, late.message_id]
    job = ledger.job(late.message_id)
    assert job is not None
    assert job.eta is not None
    assert abs(job.eta - when) < timedelta(seconds=1)


def test_no_job_is_due_before_the_time_that_was_asked_for(
    note: LabActor[..., None], redis_url: str
) -> None:
    ledger = Ledger(redis_url)
    for micros in range(0, 2_000, 37):
        when = datetime.now(UTC) + timedelta(seconds=1, microseconds=micros)
        job = ledger.job(note.send_at(when).message_id)
        assert job is not None
        assert job.eta is not None
        assert when <= job.eta < when + timedelta(seconds=1)


@pytest.mark.parametrize("past", [timedelta(0), timedelta(seconds=-5), timedelta(days=-400)])
def test_a_time_that_is_past_runs_now(
    note: LabActor[..., None], past: timedelta, redis_url: str
) -> None:
    note.send_in(past)
    note.send_at(datetime.now(UTC) + past)
    assert Ledger(redis_url).counts()[JobState.ENQUEUED] == 2


def test_a_time_without_a_zone_is_refused(note: LabActor[..., None], redis_url: str) -> None:
    with pytest.raises(InvalidSchedule, match="astimezone"):
        note.send_at(datetime(2030, 1, 1))  # noqa: DTZ001 - the mistake under test
    with pytest.raises(InvalidSchedule, match="aware datetime"):
        note.send_at("tomorrow")  # type: ignore[arg-type]
    with pytest.raises(InvalidSchedule, match="timedelta"):
        note.send_in(60)  # type: ignore[arg-type]
    assert sum(Ledger(redis_url).counts().values()) == 0


def test_send_many_takes_one_tuple_a_job(note: LabActor[..., None]) -> None:
    messages = note.send_many([(1,), (2,), ()])
    assert [message.args for message in messages] == [(1,), (2,), ()]
    with pytest.raises(TypeError, match="one tuple of arguments a job"):
        note.send_many([1, 2])  # type: ignore[list-item]
    assert note.send_many([]) == []


def test_ids_in_bulk_are_random_uuids(note: LabActor[..., None]) -> None:
    ids = [UUID(message.message_id) for message in note.send_many([()] * 500)]
    assert {(each.version, each.variant) for each in ids} == {(4, RFC_4122)}
    assert len(set(ids)) == 500


def test_a_queue_that_labkit_toml_does_not_list_is_refused_at_the_call(
    broker: LabBroker, redis_url: str
) -> None:
    @actor(queue_name="mial")
    def send_mail() -> None: ...

    for call in (send_mail.send, lambda: send_mail.send_many([()])):
        with pytest.raises(UnknownQueue, match=r"'mial'.*default"):
            call()
    assert sum(Ledger(redis_url).counts().values()) == 0


def test_declaring_an_actor_again_replaces_it(broker: LabBroker) -> None:
    first = actor(actor_name="again")(lambda: 1)
    second = actor(actor_name="again")(lambda: 2)
    assert broker.get_actor("again") is second
    assert (first(), second()) == (1, 2)


def test_a_declaration_that_fails_keeps_the_earlier_actor(broker: LabBroker) -> None:
    @actor
    def steady() -> int:
        return 1

    with pytest.raises(ValueError, match="options are undefined"):
        actor(no_such_option=1)(lambda: None)
    with pytest.raises(ValueError, match="Queue names"):
        actor(queue_name="no spaces", actor_name="steady")(lambda: None)
    assert broker.get_actor("steady")() == 1


def test_an_actor_of_a_cell_that_no_worker_knows_is_named_at_send(broker: LabBroker) -> None:
    def from_cell() -> None: ...

    from_cell.__module__ = "__main__"

    with running_worker(broker):
        lonely = actor(from_cell)
        with pytest.warns(UnknownActorWarning, match=r"'from_cell'.*work/app/jobs"):
            lonely.send()


def test_without_a_worker_nobody_can_say_so(broker: LabBroker) -> None:
    def from_cell() -> None: ...

    from_cell.__module__ = "__main__"
    actor(from_cell).send()


def test_the_global_broker_of_an_application_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    stub = StubBroker()
    monkeypatch.setattr("dramatiq.broker.global_broker", stub)

    @actor
    def work(n: int) -> None: ...

    assert default_broker() is stub
    assert len(work.send_many([(1,), (2,)])) == 2
    assert stub.queues["default"].qsize() == 2


def test_without_one_a_labbroker_of_the_settings_is_made(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dramatiq.broker.global_broker", None)
    broker = default_broker()
    assert isinstance(broker, LabBroker)
    assert dramatiq.get_broker() is broker
