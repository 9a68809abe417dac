"""Chapter 02: the answer that is kept, and its test."""

from __future__ import annotations

from labkit.course.keep import Keep

ABOVE = ""

TEST = """\
from app.line import Line
from labkit.redis_server import ThrowawayRedis


def test_what_a_killed_worker_held_is_next_again():
    with ThrowawayRedis() as server:
        line = Line(server.client(decode_responses=True))
        for item in ("tea", "cake", "milk"):
            line.put(item)
        line.done(line.take())
        assert line.take() == "cake"
        line.give_back()
        assert [line.take(), line.take(), line.take()] == ["cake", "milk", None]
"""

KEEP = Keep("app/line.py", ABOVE, TEST)
