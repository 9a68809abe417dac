"""Chapter 06: the answer that is kept, and its test."""

from __future__ import annotations

from labkit.course.keep import Keep

ABOVE = """\
from contextlib import contextmanager

from labkit import session
"""

TEST = """\
import pytest
from app.sending import sending
from labkit import Task, actor
from labkit.database import prepare_test
from labkit.testing import fake


@actor
def remind(task_id):
    pass


@pytest.fixture(autouse=True)
def tables():
    prepare_test()


def test_jobs_go_out_when_the_rows_are_there():
    with fake():
        with sending() as (db, later):
            task = Task(title="Buy milk")
            db.add(task)
            db.flush()
            later(remind, task.id)
            assert remind.jobs == []
        assert [job.args for job in remind.jobs] == [(task.id,)]


def test_a_block_that_fails_sends_nothing():
    with fake():
        with pytest.raises(ValueError), sending() as (db, later):
            later(remind, 1)
            raise ValueError
        assert remind.jobs == []
"""

KEEP = Keep("app/sending.py", ABOVE, TEST)
