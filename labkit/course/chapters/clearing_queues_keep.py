"""Chapter 08: the answer that is kept, and its test."""

from __future__ import annotations

from labkit.course.keep import Keep

ABOVE = """\
from labkit import JobState
"""

TEST = """\
from app.catch_up import catch_up
from labkit import Ledger, actor
from labkit.broker import LabBroker
from labkit.redis_server import ThrowawayRedis
from labkit.testing import disabled


def test_it_sends_what_is_missing_and_the_second_time_nothing():
    with ThrowawayRedis() as server, disabled():
        ledger = Ledger(url=server.url)

        @actor(broker=LabBroker(url=server.url))
        def log(task_id):
            pass

        log.send(1)
        assert catch_up(ledger, log, [1, 2, 3]) == [2, 3]
        assert catch_up(ledger, log, [1, 2, 3]) == []
        assert sorted(job.args for job in ledger.jobs("enqueued")) == [(1,), (2,), (3,)]
"""

KEEP = Keep("app/catch_up.py", ABOVE, TEST)
