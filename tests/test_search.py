"""Finding jobs: what a query means, and that a search reads little at a time and misses nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import redis
from dramatiq import Message

from labkit.broker import LabBroker
from labkit.ledger import search as module
from labkit.ledger.query import Query, see_all
from labkit.ledger.reader import Ledger
from labkit.ledger.records import JobState
from tests.support_stock import stock_producer

if TYPE_CHECKING:
    pass


def send(
    broker: LabBroker, *args: Any, actor: str = "work", queue: str = "default", **how: Any
) -> str:
    delay = how.pop("delay", None)
    return broker.enqueue(Message(queue, actor, args, how, {}), delay=delay).message_id


def found(ledger: Ledger, text: str) -> list[str]:
    return [job.id for job in ledger.search(text)]


def test_a_query_is_read_as_it_is_typed() -> None:
    query = Query.parse('state:Dead state:retrying queue:mail "Timed Out" 7f3a… id:AB url:x')
    assert query == Query(
        states=frozenset({JobState.DEAD, JobState.RETRYING}),
        queues=frozenset({"mail"}),
        ids=("ab",),
        words=("timed out", "7f3a", "url:x"),
    )
    assert not Query.parse('  ""  ')
    with pytest.raises(ValueError, match="there is no state 'done': say one of scheduled"):
        Query.parse("state:done")


def test_filters_and_words_narrow_it_down(ledger: Ledger, broker: LabBroker) -> None:
    milk = send(broker, "Buy Milk", actor="remind", queue="mail")
    bread = send(broker, title="bread", actor="remind", delay=60_000)
    other = send(broker, {"list": ["milk", 7]}, None)
    assert found(ledger, "milk") == [milk, other]
    assert found(ledger, "queue:mail milk") == [milk]
    assert found(ledger, "actor:remind") == [milk, bread]
    assert found(ledger, "actor:remi") == [], "a qualifier is the whole name"
    assert found(ledger, "actor:remind state:scheduled") == [bread]
    assert found(ledger, "title='bread'") == [bread]
    assert found(ledger, "None") == [other], "as it is shown, and not as it is stored"
    assert found(ledger, '"buy milk"') == [milk]
    assert found(ledger, f"{milk[:13]}…") == [milk]
    assert found(ledger, f"id:{milk[:8].upper()}") == [milk]
    assert set(found(ledger, "")) == {milk, bread, other}
    assert [job.id for job in ledger.jobs("enqueued", queue="mail", actor="remind")] == [milk]


@pytest.mark.parametrize(
    "value", ["Zürich", "a\x1bred\x1b", "日本", "C:\\temp\\x", 'say "no"', "tab\there", 1e-05, True]
)
def test_what_is_shown_of_an_argument_finds_it(
    ledger: Ledger, broker: LabBroker, value: object
) -> None:
    send(broker, "different")
    sent = send(broker, value)
    shown = repr(value)
    [job] = [job for job in ledger.jobs("enqueued") if job.id == sent]
    assert shown in see_all(job).text
    # As one phrase, but for a quote, which would end it.
    assert found(ledger, f'"{shown}"' if '"' not in shown else "no") == [sent]


def test_an_id_is_found_at_once(
    ledger: Ledger, broker: LabBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = [send(broker, number) for number in range(30)]
    search = ledger.search(ids[20])
    monkeypatch.setattr(ledger, "call", lambda *_: pytest.fail("no list is read for it"))
    assert [job.id for job in search.step()] == [ids[20]]
    assert search.is_done


def test_a_call_reads_a_bounded_number_and_goes_on(
    ledger: Ledger, broker: LabBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MOST", 40)
    monkeypatch.setattr(module, "_STEP", 10)
    messages: list[Message[Any]] = [
        Message("default", "work", (), {"number": number}, {}) for number in range(95)
    ]
    broker.enqueue_many(messages)
    search = ledger.search("state:enqueued number=77")
    assert search.step() == []
    assert (search.searched, search.total, search.is_done) == (40, 95, False)
    # Jobs that leave the front of the list meanwhile make it miss none.
    for message in messages[:39]:
        ledger.cancel(message.message_id)
    assert [job.kwargs["number"] for job in search.step()] == [77]
    assert search.searched == 80
    search.step()
    assert search.is_done
    assert search.step() == []


def test_the_job_at_which_it_stopped_may_leave(
    ledger: Ledger, broker: LabBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MOST", 10)
    monkeypatch.setattr(module, "_STEP", 10)
    for state in ("enqueued", "cancelled"):
        ledger.clear()
        messages: list[Message[Any]] = [
            Message("default", "work", (number,), {}, {}) for number in range(30)
        ]
        broker.enqueue_many(messages)
        if state == "cancelled":
            for message in messages:
                ledger.cancel(message.message_id)
        search = ledger.search(f"state:{state}")
        search.step()
        last = search.found[-1].id
        (ledger.delete if state == "cancelled" else ledger.cancel)(last)
        everything = [job.args[0] for job in search]
        assert sorted(everything) == list(range(30)), state


def test_one_step_ends_early_where_records_are_large(
    ledger: Ledger, broker: LabBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_STEP_BYTES", 3_000)
    for number in range(90):
        send(broker, "x" * 900, number)
    with ledger.client.monitor() as monitor:
        assert len(found(ledger, "xxx")) == 90
        ledger.client.set("end", 1)
        scripts = 0
        for command in monitor.listen():
            if command["command"].startswith("SET end"):
                break
            scripts += command["command"].startswith("EVALSHA")
    assert scripts >= 5


def test_counts_and_a_page_cost_the_same_however_many_jobs_there_are(
    ledger: Ledger, broker: LabBroker
) -> None:
    def cost(many: int) -> list[int]:
        messages: list[Message[Any]] = [Message("default", "work", (), {}, {}) for _ in range(many)]
        broker.enqueue_many(messages)
        found = []
        last = ledger.counts()[JobState.ENQUEUED] - 10
        for ask in (
            ledger.counts,
            lambda: ledger.jobs("enqueued", offset=0, limit=10),
            lambda: ledger.jobs("enqueued", offset=last, limit=10),
            lambda: ledger.search("state:enqueued").step(enough=10),
        ):
            before: Any = ledger.client.info("stats")
            ask()
            after: Any = ledger.client.info("stats")
            found.append(after["total_commands_processed"] - before["total_commands_processed"])
        return found

    assert cost(300) == cost(6_000)


def test_errors_are_searched_in_every_attempt(ledger: Ledger, broker: LabBroker) -> None:
    sent = send(broker, 7)
    raw = ledger.client.hget(ledger.keys.jobs, sent)
    attempt = (
        b'\n{"started":null,"finished":1,"worker":"h:1","error":"ValueError: no",'
        b'"traceback":"Traceback\\n  in charge_card\\nValueError: no"}'
    )
    assert isinstance(raw, bytes)
    ledger.client.hset(ledger.keys.jobs, sent, raw + attempt)
    assert found(ledger, "charge_CARD") == found(ledger, "valueerror: no") == [sent]


def test_a_search_of_an_application_of_stock_dramatiq(ledger: Ledger, redis_url: str) -> None:
    with stock_producer(redis_url) as send_stock:
        milk = send_stock("remind", "milk", queue="mail")
        late = send_stock("remind", "milk", delay=900_000)
        send_stock("remind", "bread")
        assert set(found(ledger, "milk")) == {milk, late}
        assert found(ledger, "milk queue:mail") == [milk]
        assert found(ledger, "state:scheduled actor:remind") == [late]
        assert found(ledger, late) == [late]
        assert found(ledger, "state:completed") == []


def test_redis_goes_and_the_search_begins_once_more(
    ledger: Ledger, broker: LabBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent = send(broker, 7)
    search = ledger.search("7")

    def lost(*_: object) -> None:
        raise redis.ConnectionError("gone")

    with monkeypatch.context() as patch:
        patch.setattr(ledger, "call", lost)
        with pytest.raises(Exception, match="does not answer"):
            search.step()
    assert [job.id for job in search] == [sent]
