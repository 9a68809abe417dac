"""Chapter 05: the answer that is kept, and its test."""

from __future__ import annotations

from labkit.course.keep import Keep

ABOVE = """\
from datetime import timedelta
"""

TEST = """\
from datetime import UTC, datetime, timedelta, timezone

from app.politely import send_politely
from labkit import actor
from labkit.testing import fake


@actor
def remind(name):
    pass


def now_where_it_is(hour):
    now = datetime.now(UTC)
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
    return now.astimezone(timezone(timedelta(hours=hour) - (now - midnight)))


def test_it_sends_by_day():
    with fake():
        send_politely(remind, "Ada", now=now_where_it_is(12))
        assert [(job.args, job.options.get("eta")) for job in remind.jobs] == [(("Ada",), None)]


def test_it_lets_the_night_pass():
    now = now_where_it_is(3)
    with fake():
        send_politely(remind, "Ada", now=now)
        [job] = remind.jobs
        assert abs(job.options["eta"] / 1000 - now.timestamp() - 4 * 3600) < 60
"""

KEEP = Keep("app/politely.py", ABOVE, TEST)
