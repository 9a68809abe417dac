"""Chapter 01: the answer that is kept, and its test."""

from __future__ import annotations

from labkit.course.keep import Keep

ABOVE = ""

TEST = """\
from datetime import timedelta

from app.mail_status import mail_status
from labkit import Ledger, actor
from labkit.broker import LabBroker
from labkit.redis_server import ThrowawayRedis
from labkit.testing import disabled


def test_it_says_what_has_become_of_the_mail():
    with ThrowawayRedis() as server, disabled():
        ledger = Ledger(url=server.url)

        @actor(broker=LabBroker(url=server.url))
        def send_mail():
            pass

        job_id = send_mail.send_in(timedelta(days=1)).message_id
        assert mail_status(ledger, job_id) == "on its way"
        ledger.cancel(job_id)
        assert mail_status(ledger, job_id) == "not sent"
        assert mail_status(ledger, "no such job") == "unknown"
"""

KEEP = Keep("app/mail_status.py", ABOVE, TEST)
