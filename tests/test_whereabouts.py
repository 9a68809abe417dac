"""Why a job waits, and which keys hold it: true at that moment, and as redis-cli would show it."""

from __future__ import annotations

import threading
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import dramatiq
from dramatiq import Message
from dramatiq.brokers.redis import RedisBroker

from labkit.broker import LabBroker
from labkit.ledger import following, records, whereabouts
from labkit.ledger.reader import Ledger
from labkit.ledger.records import JobState
from labkit.ledger.whereabouts import Whereabouts, short_reason
from labkit.worker import Worker
from tests.support import wait_until
from tests.support_jobs import quick_retries, running_worker, wait_for_state

if TYPE_CHECKING:
    from labkit.settings import Settings


def send(broker: Any, actor: str = "works", queue: str = "default", **more: Any) -> str:
    message: Message[Any] = Message(queue, actor, (7,), {}, {})
    return str(broker.enqueue(message, **more).message_id)


def look(ledger: Ledger, job_id: str) -> Whereabouts:
    job = ledger.job(job_id)
    assert job is not None
    now = records.from_millis(round(following.clock(ledger) * 1000))
    return whereabouts.find(ledger, job, ledger.workers(), now)


def why(ledger: Ledger, job_id: str) -> str:
    return look(ledger, job_id).reason


def short(ledger: Ledger, job_id: str) -> str:
    job = ledger.job(job_id)
    assert job is not None
    return short_reason(job, ledger.workers())


def test_no_worker(broker: LabBroker, ledger: Ledger) -> None:
    @dramatiq.actor(broker=broker)
    def works(number: int) -> None: ...

    job, mail = send(broker), send(broker, queue="mail")
    assert why(ledger, job) == "no worker runs"
    broker.declare_queue("default")
    with running_worker(broker):
        wait_for_state(ledger, job, JobState.COMPLETED)
        assert why(ledger, job) == ""
        assert why(ledger, mail) == "no worker takes from mail: those that run take from default"
        assert short(ledger, mail) == "no worker for mail"
    assert why(ledger, mail) == "no worker runs", "from the moment at which it has ended"


def test_what_is_before_it_and_who_has_it(broker: LabBroker, ledger: Ledger) -> None:
    gate = threading.Event()

    @dramatiq.actor(broker=broker)
    def works(number: int) -> None:
        gate.wait(10)

    jobs = [send(broker) for _ in range(5)]
    assert why(ledger, jobs[4]) == "no worker runs"
    with running_worker(broker, threads=1):
        [card] = ledger.workers()
        wait_for_state(ledger, jobs[0], JobState.RUNNING)
        wait_until(lambda: broker.client.llen("dramatiq:default") == 3)
        assert why(ledger, jobs[0]) == ""
        assert (
            why(ledger, jobs[1])
            == f"{card.address} has fetched it, and begins when a thread is free"
        )
        assert why(ledger, jobs[2]) == "next in default; 1 thread for default"
        assert why(ledger, jobs[4]) == "behind 2 jobs in default; 1 thread for default"
        assert short(ledger, jobs[4]) == ""
        ledger.quiet(card.name)
        assert why(ledger, jobs[4]) == "default is paused: its worker is quiet"
        assert short(ledger, jobs[4]) == "default is paused"
        gate.set()


def test_a_worker_that_is_paused_by_dramatiqs_own_means(broker: LabBroker, ledger: Ledger) -> None:
    @dramatiq.actor(broker=broker)
    def works(number: int) -> None: ...

    broker.declare_queue("mail")
    with running_worker(broker) as worker:
        worker.pause()
        wait_until(lambda: ledger.workers() and ledger.workers()[0].paused)
        job = send(broker)
        assert why(ledger, job) == "default is paused: its worker is paused"
        assert short(ledger, job) == "default is paused"
        worker.consumers["mail"].resume()
        wait_until(lambda: ledger.workers()[0].takes("mail"))
        assert not ledger.workers()[0].takes("default")
        worker.resume()
        wait_for_state(ledger, job, JobState.COMPLETED)


def test_an_actor_that_nobody_knows(broker: LabBroker, ledger: Ledger) -> None:
    broker.declare_queue("default")
    with running_worker(broker):
        [card] = ledger.workers()
        ledger.quiet(card.name)  # else it would be dead before anybody could look
        job = ledger.job(send(broker, "strange"))
        assert job is not None
        cards = [replace(card, is_quiet=False)]
        found = whereabouts.find(ledger, job, cards, records.from_millis(0))
        assert found.reason == "no worker of default knows the actor strange"
        assert short_reason(job, cards) == "no worker knows it"


def test_its_time_and_its_back_off(broker: LabBroker, ledger: Ledger) -> None:
    @dramatiq.actor(broker=broker)
    def works(number: int) -> None:
        raise ValueError("a secret")

    quick_retries(broker, max_retries=3, backoff=60_000)
    late = send(broker, delay=60_000)
    assert why(ledger, late) == (
        "it waits for its time; no worker runs that would then move it into default"
    )
    failing = send(broker)
    with running_worker(broker):
        wait_for_state(ledger, failing, JobState.RETRYING)
        assert why(ledger, late) == "it waits for its time"
        reason = "attempt 1 failed with ValueError: it backs off before attempt 2"
        assert why(ledger, failing) == reason


def test_a_worker_that_was_killed_with_it(settings: Settings, root: Any) -> None:
    (root / "waiting_jobs.py").write_text(
        "import time\nfrom labkit import actor\n@actor\ndef works(n): time.sleep(60)\n"
    )
    ledger, broker = Ledger(), LabBroker()
    jobs = [send(broker) for _ in range(4)]
    worker = Worker.start(threads=1, module="waiting_jobs")
    wait_for_state(ledger, jobs[0], JobState.RUNNING)
    worker.kill()
    wait_until(lambda: not ledger.workers(), 15)
    assert (
        why(ledger, jobs[1]) == "a worker that died holds it: the next one that runs takes it back"
    )
    assert why(ledger, jobs[3]) == "no worker runs"


def test_beside_stock_dramatiq_it_claims_no_more_than_it_knows(
    broker: LabBroker, ledger: Ledger, redis_url: str
) -> None:
    job = send(broker)
    stock = RedisBroker(url=redis_url)  # type: ignore[no-untyped-call]
    stock.declare_queue("other")
    send(stock, queue="other")
    assert why(ledger, job) == (
        "next in default; stock workers do not say which queues they take from"
    )
    stock.client.close()


def commands(place: Whereabouts) -> dict[str, Any]:
    return {" ".join(one.command[:2]): one.value for one in place.holdings}


def test_the_keys_that_hold_a_job_are_there_as_said(broker: LabBroker, ledger: Ledger) -> None:
    """Each command, given to Redis, answers what is shown; and no other key knows the job."""
    gate = threading.Event()

    @dramatiq.actor(broker=broker)
    def works(number: int) -> None:
        gate.wait(10)
        raise ValueError

    quick_retries(broker, max_retries=0)
    late, job = send(broker, delay=60_000), send(broker)
    found = look(ledger, job)
    for one in found.holdings:
        assert ledger.client.execute_command(*one.command) == one.value
    assert commands(found).keys() == {
        "LPOS dramatiq:default",
        "LLEN dramatiq:default",
        "HGET dramatiq:default.msgs",
        "ZSCORE dramatiq:__ledger__.enqueued",
        "HGET dramatiq:__ledger__.jobs",
    }
    assert commands(look(ledger, late)).keys() >= {
        "LPOS dramatiq:default.DQ",
        "HGET dramatiq:default.DQ.msgs",
        "ZSCORE dramatiq:__ledger__.scheduled",
    }
    with running_worker(broker):
        wait_for_state(ledger, job, JobState.RUNNING)
        holder = f"SISMEMBER dramatiq:__acks__.{broker.broker_id}.default"
        assert commands(look(ledger, job))[holder] == 1
        assert "ZSCORE dramatiq:__ledger__.due.default" in commands(look(ledger, late))
        gate.set()
        wait_for_state(ledger, job, JobState.DEAD)
        assert commands(look(ledger, job)).keys() == {
            "ZSCORE dramatiq:default.XQ",
            "HGET dramatiq:default.XQ.msgs",
            "ZSCORE dramatiq:__ledger__.dead",
            "HGET dramatiq:__ledger__.jobs",
        }


def test_a_job_that_is_gone(broker: LabBroker, ledger: Ledger) -> None:
    job = ledger.job(send(broker))
    assert job is not None
    ledger.clear()
    now = records.from_millis(0)
    assert whereabouts.find(ledger, job, [], now) == Whereabouts()
