"""The throughput chart: the minutes' counters as they grow, and as a table."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import dramatiq
import pytest
from dramatiq import Message

from labkit.broker import LabBroker
from labkit.ledger.reader import Ledger
from labkit.redis_server import ThrowawayRedis
from labkit.widgets import Throughput
from tests.support import wait_until
from tests.support_jobs import quick_retries, running_worker
from tests.support_widgets import FakePage

if TYPE_CHECKING:
    pass


def sums(page: FakePage) -> tuple[int, int, int]:
    minutes = page.view.get("minutes", {}).values()
    names = ("completed", "failed", "p95")
    completed, failed, p95 = ([one.get(name, 0) for one in minutes] for name in names)
    return sum(completed), sum(failed), max(p95, default=0)


def test_what_jobs_do_is_in_their_minute(broker: LabBroker, redis_url: str) -> None:
    # Given a chart of nothing
    chart = Throughput(redis_url, minutes=5)
    page = FakePage(chart)
    page.wait_until(lambda view: view["minutes"] == {})

    @dramatiq.actor(broker=broker)
    def works(number: int) -> None:
        if number == 3:
            raise ValueError("no")

    # When four jobs run, of which one fails twice
    quick_retries(broker, max_retries=1)
    for number in range(4):
        broker.enqueue(Message("default", "works", (number,), {}, {}))
    with running_worker(broker):
        wait_until(lambda: sums(page)[:2] == (3, 2), description=f"{page.view}")
    # Then it says so, in these minutes, with how long they waited
    assert sums(page)[2] > 0
    assert all(abs(int(number) - time.time() / 60) < 3 for number in page.view["minutes"])
    assert chart.snapshot().text == "Throughput of 5 minutes: 3 completed, 2 failed"
    assert "<td>3</td>" in chart.snapshot().html or "<td>2</td>" in chart.snapshot().html
    chart.close()


def test_an_old_minute_is_shown_as_long_as_it_is_in_the_chart(redis_url: str) -> None:
    ledger, now = Ledger(redis_url), int(time.time()) // 60
    for ago in (3, 50):
        ledger.client.hset(ledger.keys.minute(now - ago), "q/completed", ago)
    chart = Throughput(redis_url, minutes=30)
    page = FakePage(chart)
    page.wait_until(lambda view: view["minutes"])
    assert page.view["minutes"] == {str(now - 3): {"completed": 3, "failed": 0}}
    chart.close()


def test_bounds_and_a_redis_that_is_gone(redis_url: str) -> None:
    for minutes in (4, 121):
        with pytest.raises(ValueError, match="minutes"):
            Throughput(redis_url, minutes=minutes)
    with ThrowawayRedis() as server:
        chart = Throughput(server.url)
        page = FakePage(chart)
        page.wait_until(lambda view: view["live"])
        server.kill()
        page.wait_until(lambda view: view["live"] is False)
        chart.close()
