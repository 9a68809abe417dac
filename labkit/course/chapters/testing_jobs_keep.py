"""Chapter 07: the answer that is kept, and its test."""

from __future__ import annotations

from labkit.course.keep import Keep

ABOVE = """\
from contextlib import contextmanager

from labkit.testing import fake
"""

TEST = """\
import pytest
from app.assertions import assert_enqueued
from labkit import actor


@actor
def remind(name):
    pass


def test_it_holds_for_the_job_that_was_asked_for():
    with assert_enqueued(remind, "Ada"):
        remind.send("Ada")


@pytest.mark.parametrize("names", [[], ["Grace"], ["Ada", "Ada"]])
def test_it_fails_for_no_job_another_one_or_two(names):
    with pytest.raises(AssertionError), assert_enqueued(remind, "Ada"):
        for name in names:
            remind.send(name)
"""

KEEP = Keep("app/assertions.py", ABOVE, TEST)
