"""Acting on many jobs: those that match alone, in steps, stopped, killed and taken up again."""

from __future__ import annotations

import signal
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import dramatiq
import pytest
from dramatiq import Message
from dramatiq.brokers.redis import RedisBroker

from labkit.broker import LabBroker
from labkit.errors import InvalidSchedule, UnknownJob
from labkit.ledger.check import check
from labkit.ledger.reader import Ledger
from labkit.ledger.reconcile import Reconciler
from labkit.ledger.records import JobState
from labkit.ledger.selection import STEP, Outcome
from labkit.ledger.verbs import ACTIONS
from tests.support import wait_until
from tests.support_jobs import quick_retries, running_worker, wait_for_state

if TYPE_CHECKING:
    pass

HOUR = 3_600_000


@pytest.fixture
def broker(broker: LabBroker) -> LabBroker:
    broker.declare_queue("default")
    broker.declare_queue("mail")
    return broker


def send(
    broker: LabBroker, count: int = 1, actor: str = "charge", queue: str = "default", **options: Any
) -> list[str]:
    messages = [Message(queue, actor, (number,), {}, {}) for number in range(count)]
    return [broker.enqueue(message, **options).message_id for message in messages]


def let_die(broker: LabBroker, ledger: Ledger, count: int = 1, actor: str = "charge") -> list[str]:
    """Jobs that have failed for good."""

    def fail(number: int) -> None:
        raise RuntimeError("as told")

    if actor not in broker.actors:
        dramatiq.actor(broker=broker, actor_name=actor)(fail)
    quick_retries(broker, max_retries=0)
    before = ledger.counts()[JobState.DEAD]
    ids = send(broker, count, actor)
    with running_worker(broker, threads=4):
        wait_until(lambda: ledger.counts()[JobState.DEAD] == before + count, 20, "all are dead")
    return ids


def test_all_that_match_and_no_other(broker: LabBroker, ledger: Ledger) -> None:
    charges, mails = send(broker, 3), send(broker, 2, "remind", "mail")
    later = send(broker, 2, delay=HOUR)
    selected = ledger.select("enqueued", actor="charge")
    assert (selected.count(), selected.ids()) == (3, charges)
    assert ledger.select("enqueued", queue="mail").ids() == mails
    assert ledger.select("enqueued", queue="default", actor="remind").count() == 0
    assert ledger.select("enqueued").count() == 5

    outcome = selected.cancel()
    assert (outcome.done, outcome.skipped, outcome.total) == (3, 0, 3)
    assert str(outcome) == "3 cancelled"
    assert ledger.counts()[JobState.CANCELLED] == 3
    assert ledger.select("enqueued").ids() == mails
    assert sorted(ledger.select("scheduled", queue="default").ids()) == sorted(later)
    assert check(ledger) == []


def test_a_name_in_the_arguments_is_not_the_actors(broker: LabBroker, ledger: Ledger) -> None:
    trap = 'x","actor_name":"charge","args":["'
    broker.enqueue(Message("default", trap, (trap, '"queue_name":"mail"'), {}, {}))
    assert ledger.select("enqueued", actor="charge").count() == 0
    assert ledger.select("enqueued", queue="mail").count() == 0
    assert ledger.select("enqueued", queue="default", actor=trap).count() == 1


@pytest.mark.parametrize("with_worker", [False, True])
def test_scheduled_jobs_are_moved_run_and_cancelled(
    broker: LabBroker, ledger: Ledger, with_worker: bool
) -> None:
    ran: list[int] = []
    dramatiq.actor(broker=broker, actor_name="charge")(ran.append)
    # The first to be sent is the last to be due.
    ids = [send(broker, 1, delay=HOUR * (40 - number))[0] for number in range(40)]
    send(broker, 5, "remind", delay=HOUR)

    def act() -> None:
        when = datetime.now(UTC) + timedelta(days=1)
        assert ledger.select("scheduled", actor="charge").reschedule(when).done == 40
        moved = ledger.jobs(JobState.SCHEDULED, actor="charge", limit=100)
        assert {job.eta for job in moved} == {
            when.replace(microsecond=when.microsecond // 1000 * 1000)
        }
        assert ledger.select(ids=ids[:10]).run_now().done == 10
        assert ledger.select("scheduled", actor="charge").cancel().done == 30

    if with_worker:
        with running_worker(broker):
            wait_until(lambda: broker.client.zcard(ledger.keys.due("default")) == 45, 5, "taken in")
            act()
            wait_until(lambda: len(ran) == 10, 10, "those run that were told to")
    else:
        act()
        assert broker.client.llen("dramatiq:default") == 10
    assert ledger.counts()[JobState.SCHEDULED] == 5
    assert ledger.counts()[JobState.CANCELLED] == 30
    assert check(ledger) == []


def test_dead_jobs_of_all_queues_begin_anew(broker: LabBroker, ledger: Ledger) -> None:
    ids = let_die(broker, ledger, 7)
    seen: list[Outcome] = list(ledger.select("dead").steps("retry"))
    assert [seen[0].done, seen[-1].done, seen[-1].total] == [0, 7, 7]
    assert seen[-1].is_over
    assert sorted(ledger.select("enqueued").ids()) == sorted(ids)
    assert broker.client.keys("dramatiq:*.XQ*") == []
    assert check(ledger) == []
    with running_worker(broker):
        wait_for_state(ledger, ids[-1], JobState.DEAD)
        wait_until(lambda: ledger.counts()[JobState.DEAD] == 7, 10, "all died again")
    assert ledger.select("dead").delete().done == 7
    assert sum(ledger.counts().values()) == 0
    assert broker.client.keys("dramatiq:*.XQ*") == []


def test_what_was_taken_or_has_gone_is_counted_and_left(broker: LabBroker, ledger: Ledger) -> None:
    [dead] = let_die(broker, ledger)
    [unread, expired] = let_die(broker, ledger, 2, "refund")
    letters = "dramatiq:default.XQ.msgs"
    for delivery in broker.client.hkeys(letters):
        if delivery.startswith(unread.encode()):
            broker.client.hset(letters, delivery, "no message")
        if delivery.startswith(expired.encode()):
            broker.client.hdel(letters, delivery)
    [waiting] = send(broker)
    outcome = ledger.select(ids=[dead, waiting, unread, expired, "no-such-id", dead]).retry()
    assert (outcome.total, outcome.done, outcome.taken, outcome.gone) == (5, 1, 1, 3)
    assert str(outcome) == "1 retried, 1 already taken, 3 gone"
    assert sorted(ledger.select("enqueued").ids()) == sorted([dead, waiting])
    for job_id in (unread, expired):
        with pytest.raises(UnknownJob, match="send it again"):
            ledger.retry(job_id)


def test_a_job_that_moved_on_is_left_alone(broker: LabBroker, ledger: Ledger) -> None:
    ids = send(broker, STEP + 2, delay=HOUR)
    steps = ledger.select("scheduled").steps("cancel")
    assert next(steps).total == STEP + 2
    ledger.run_now(ids[-1])
    arrived = send(broker, delay=HOUR)
    *_, outcome = steps
    assert (outcome.done, outcome.taken) == (STEP + 1, 1)
    assert ledger.select("enqueued").ids() == [ids[-1]]
    assert ledger.select("scheduled").ids() == arrived


def test_it_stops_where_nobody_asks_on_and_goes_on_later(broker: LabBroker, ledger: Ledger) -> None:
    ids = send(broker, 2 * STEP + 1)
    steps = ledger.select("enqueued").steps("cancel")
    next(steps)
    stopped = next(steps)
    assert not stopped.is_over
    assert str(stopped) == f"{STEP} cancelled, {STEP + 1} left as they were"
    assert ledger.select("enqueued").ids() == ids[STEP:]
    assert check(ledger) == []
    assert ledger.select("enqueued").cancel().done == STEP + 1


def test_what_died_again_meanwhile_is_not_retried_twice(broker: LabBroker, ledger: Ledger) -> None:
    ids = let_die(broker, ledger, 3)
    begun = datetime.now(UTC)
    ledger.retry(ids[0])
    with running_worker(broker):
        wait_until(lambda: ledger.counts()[JobState.DEAD] == 3, 10, "it has died again")
    left = ledger.select("dead", before=begun)
    assert sorted(left.ids()) == sorted(ids[1:])
    assert left.retry().done == 2
    send(broker, 2, delay=HOUR)
    assert ledger.select("scheduled", before=begun).count() == 0
    assert ledger.select("scheduled", before=datetime.now(UTC) + timedelta(1)).count() == 2


KILLED = """
import sys
from labkit.ledger.reader import Ledger
for outcome in Ledger(sys.argv[1]).select("dead").steps("retry"):
    print(outcome.done, flush=True)
"""


@pytest.mark.parametrize("steps", [1, 3])
def test_killed_in_the_middle_nothing_is_lost_or_doubled(
    broker: LabBroker, ledger: Ledger, redis_url: str, steps: int
) -> None:
    ids = let_die(broker, ledger, 8 * STEP)
    child = subprocess.Popen(
        [sys.executable, "-c", KILLED, redis_url], stdout=subprocess.PIPE, text=True
    )
    assert child.stdout is not None
    for _ in range(steps + 1):
        child.stdout.readline()
    child.send_signal(signal.SIGKILL)
    assert child.wait() == -signal.SIGKILL
    child.stdout.close()

    counts = ledger.counts()
    assert 0 < counts[JobState.DEAD] < len(ids)
    assert counts[JobState.DEAD] + counts[JobState.ENQUEUED] == len(ids)
    assert check(ledger) == []
    assert ledger.select("dead").retry().done == counts[JobState.DEAD]
    assert sorted(ledger.select("enqueued").ids()) == sorted(ids)
    assert broker.client.llen("dramatiq:default") == len(ids)
    assert check(ledger) == []


def test_stock_messages_are_acted_on_once_they_are_adopted(
    redis_url: str, broker: LabBroker, ledger: Ledger
) -> None:
    stock = RedisBroker(url=redis_url)
    work = dramatiq.actor(broker=stock, actor_name="work")(lambda number: None)
    for number in range(6):
        work.send(number)
        work.send_with_options(args=(number,), delay=HOUR)
    Reconciler(ledger.client, ledger.namespace, ledger.call, lambda: ["default"]).run()
    send(broker, 2)
    assert ledger.select("enqueued", actor="work").cancel().done == 6
    assert ledger.select("scheduled", actor="work").cancel().done == 6
    assert stock.do_qsize("default") == 2
    assert check(ledger) == []
    stock.client.close()


def test_a_stock_worker_that_holds_a_delayed_job_has_taken_it(
    redis_url: str, broker: LabBroker, ledger: Ledger
) -> None:
    stock = RedisBroker(url=redis_url)
    dramatiq.actor(broker=stock, actor_name="charge")(lambda number: None)
    ids = send(broker, 3, delay=HOUR)
    worker = dramatiq.Worker(stock, worker_threads=1, worker_timeout=50)
    worker.start()
    try:
        wait_until(lambda: not stock.client.llen("dramatiq:default.DQ"), 10, "stock has them")
        assert str(ledger.select(ids=ids).cancel()) == "0 cancelled, 3 already taken"
    finally:
        worker.stop()
        stock.client.close()
    wait_until(
        lambda: ledger.select("scheduled").cancel().done == 3, 5, "given back, and cancelled"
    )
    assert check(ledger) == []


def test_what_makes_no_sense_is_refused(ledger: Ledger) -> None:
    with pytest.raises(ValueError, match="either"):
        ledger.select()
    with pytest.raises(ValueError, match="either"):
        ledger.select("dead", ids=["1"])
    with pytest.raises(ValueError, match="not ids"):
        ledger.select(ids=["1"], actor="charge")
    with pytest.raises(ValueError, match="not a valid JobState"):
        ledger.select("finished")
    with pytest.raises(InvalidSchedule, match="time zone"):
        ledger.select("dead", before=datetime(2030, 1, 1))  # noqa: DTZ001 - the mistake under test
    with pytest.raises(InvalidSchedule, match="time zone"):
        ledger.select("scheduled").reschedule(datetime(2030, 1, 1))  # noqa: DTZ001
    with pytest.raises(ValueError, match="retry does not fit jobs that are completed"):
        ledger.select("completed").retry()
    with pytest.raises(ValueError, match="'flush' is none"):
        ledger.select("dead").steps("flush")
    with pytest.raises(ValueError, match="takes a time"):
        ledger.select("scheduled").steps("reschedule")


@pytest.mark.parametrize("action", ACTIONS)
def test_none_is_none(ledger: Ledger, action: str) -> None:
    when = datetime.now(UTC) if action == "reschedule" else None
    *_, outcome = ledger.select(ids=[]).steps(action, when)
    assert (outcome.total, outcome.is_over) == (0, True)
