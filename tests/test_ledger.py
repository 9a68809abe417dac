"""The Ledger's questions: counts, pages, one job, events, and clearing."""

from __future__ import annotations

import threading

import pytest
from dramatiq import Message

from labkit.broker import LabBroker
from labkit.errors import RedisUnavailable
from labkit.ledger.reader import Ledger
from labkit.ledger.records import JobEvent, JobState


def send(broker: LabBroker, actor: str = "any", queue: str = "default", **how: int) -> str:
    return broker.enqueue(Message(queue, actor, (), {}, {}), **how).message_id


def test_all_states_are_counted(ledger: Ledger, broker: LabBroker) -> None:
    assert ledger.counts() == dict.fromkeys(JobState, 0)
    send(broker)
    send(broker, delay=60_000)
    assert ledger.counts()[JobState.ENQUEUED] == ledger.counts()[JobState.SCHEDULED] == 1


def test_scheduled_jobs_come_by_their_eta(ledger: Ledger, broker: LabBroker) -> None:
    late, soon, middle = (send(broker, delay=delay) for delay in (90_000, 10_000, 50_000))
    assert [job.id for job in ledger.jobs("scheduled")] == [soon, middle, late]


def test_pages_follow_on_each_other(ledger: Ledger, broker: LabBroker) -> None:
    sent = [send(broker) for _ in range(7)]
    pages = [ledger.jobs(JobState.ENQUEUED, offset=n, limit=3) for n in (0, 3, 6, 9)]
    assert [len(page) for page in pages] == [3, 3, 1, 0]
    assert {job.id for page in pages for job in page} == set(sent)
    assert ledger.jobs("enqueued", limit=0) == []


def test_a_page_can_be_of_one_queue_or_actor(ledger: Ledger, broker: LabBroker) -> None:
    send(broker, actor="a")
    b = send(broker, actor="b")
    c = send(broker, actor="b", queue="mail")
    assert {job.id for job in ledger.jobs("enqueued", actor="b")} == {b, c}
    assert [job.id for job in ledger.jobs("enqueued", queue="mail", actor="b")] == [c]
    assert ledger.jobs("enqueued", queue="none") == []


def test_a_wrong_question_is_refused(ledger: Ledger) -> None:
    with pytest.raises(ValueError, match="not a valid JobState"):
        ledger.jobs("finished")
    with pytest.raises(ValueError, match="count from 0"):
        ledger.jobs("enqueued", offset=-1)


def test_a_job_that_is_not_there_is_none(ledger: Ledger) -> None:
    assert ledger.job("no-such-id") is None


def test_events_tell_each_change_and_can_be_resumed(ledger: Ledger, broker: LabBroker) -> None:
    first, second = send(broker), send(broker, delay=60_000)
    events = list(ledger.events(after="0", block=1))
    assert [(event.job_id, event.previous, event.state) for event in events] == [
        (first, None, JobState.ENQUEUED),
        (second, None, JobState.SCHEDULED),
    ]
    assert {(event.actor, event.queue) for event in events} == {("any", "default")}
    third = send(broker)
    assert [event.job_id for event in ledger.events(after=events[-1].id, block=1)] == [third]


def test_events_block_until_one_comes(ledger: Ledger, broker: LabBroker) -> None:
    seen: list[JobEvent] = []
    listening = ledger.events(block=5_000)
    thread = threading.Thread(target=lambda: seen.append(next(listening)))
    # The generator fixes its starting point only when it is first asked; begin behind nothing.
    send(broker)
    ids = [event.id for event in ledger.events(after="0", block=1)]
    listening = ledger.events(after=ids[-1], block=5_000)
    thread.start()
    sent = send(broker)
    thread.join(5)
    assert [event.job_id for event in seen] == [sent]


def test_long_arguments_are_cut_in_the_record_and_whole_in_the_message(
    ledger: Ledger, broker: LabBroker
) -> None:
    sent = broker.enqueue(Message("default", "any", ("x" * 100_000,), {}, {}))
    job = ledger.job(sent.message_id)
    assert job is not None
    assert job.is_cut
    assert len(str(job.args)) < 2_200
    (payload,) = broker.client.hvals("dramatiq:default.msgs")
    assert Message.decode(payload).args == ("x" * 100_000,)


def test_clearing_takes_this_namespace_and_nothing_else(redis_url: str, broker: LabBroker) -> None:
    other = LabBroker(url=redis_url, namespace="dramatiq2")
    send(other)
    send(broker)
    send(broker, delay=60_000)
    broker.client.set("somebody:else", "1")
    cleared = Ledger(redis_url).clear()
    assert cleared.jobs[JobState.ENQUEUED] == cleared.jobs[JobState.SCHEDULED] == 1
    assert "1 scheduled, 1 enqueued" in str(cleared)
    assert Ledger(redis_url, "dramatiq2").counts()[JobState.ENQUEUED] == 1
    assert broker.client.get("somebody:else") == b"1"
    assert broker.do_qsize("default") == 0
    assert sum(Ledger(redis_url).counts().values()) == 0


def test_clearing_is_an_event(ledger: Ledger, broker: LabBroker) -> None:
    send(broker)
    ledger.clear()
    (event,) = ledger.events(after="0", block=1)
    assert (event.job_id, event.state, event.previous) == ("", None, None)


def test_a_namespace_with_letters_of_a_pattern_clears_only_itself(redis_url: str) -> None:
    send(LabBroker(url=redis_url, namespace="a*b"))
    send(LabBroker(url=redis_url, namespace="axxb"))
    Ledger(redis_url, "a*b").clear()
    assert Ledger(redis_url, "axxb").counts()[JobState.ENQUEUED] == 1


def test_a_mangled_record_hides_no_other(ledger: Ledger, broker: LabBroker) -> None:
    for raw in ("", "enqueued", "nonsense 1 2 3\n{", b"\xff\x00", "enqueued a b c d e 1\n[]"):
        send(broker)
        victim = send(broker)
        broker.client.hset(ledger.keys.jobs, victim, raw)
        page = ledger.jobs("enqueued")
        assert [job.actor for job in page if job.id == victim] == ["(unreadable record)"]
        assert any(job.actor == "any" for job in page)


def test_a_redis_that_is_down_is_one_clear_error() -> None:
    with pytest.raises(RedisUnavailable, match=r"127\.0\.0\.1:1"):
        Ledger("redis://127.0.0.1:1/0").counts()


def test_no_password_in_a_repr() -> None:
    assert "hunter2" not in repr(Ledger("redis://:hunter2@127.0.0.1:1/0"))


def test_jobs_of_one_moment_stay_in_their_order(ledger: Ledger, broker: LabBroker) -> None:
    sent = broker.enqueue_many([Message("default", "any", (n,), {}, {}) for n in range(300)])
    listed = [job.id for job in ledger.jobs("enqueued", limit=300)]
    assert listed == [message.message_id for message in sent]
