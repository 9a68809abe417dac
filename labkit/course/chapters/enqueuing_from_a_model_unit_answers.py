"""Answers to try the check of chapter 06's block on: right ones, and mistakes people make."""

from __future__ import annotations

# What stands before the exercise in the notebook, and answers to try the check on.
SETUP = """\
from contextlib import contextmanager
from datetime import timedelta

from labkit import session
"""

STUB = """\
@contextmanager
def sending():
    with session() as db:
        yield db, ..."""

SOLUTION = """\
@contextmanager
def sending():
    calls = []
    with session() as db:
        yield db, lambda job, *arguments: calls.append((job, arguments))
    for job, arguments in calls:
        job.send(*arguments)
"""

OTHERWISE = """\
class sending:
    def __enter__(self):
        self.messages = []
        self.block = session()
        return self.block.__enter__(), self.later

    def later(self, job, *arguments):
        self.messages.append((job.broker, job.message(*arguments)))

    def __exit__(self, *error):
        self.block.__exit__(*error)
        if error == (None, None, None):
            for broker, message in self.messages:
                broker.enqueue(message)
"""

AT_ONCE = """\
@contextmanager
def sending():
    with session() as db:
        yield db, lambda job, *arguments: job.send(*arguments)
"""

AT_THE_END = """\
@contextmanager
def sending():
    calls = []
    with session() as db:
        yield db, lambda job, *arguments: calls.append((job, arguments))
        for job, arguments in calls:
            job.send(*arguments)
"""

WITH_A_DELAY = """\
@contextmanager
def sending():
    with session() as db:
        yield db, lambda job, *arguments: job.send_in(timedelta(seconds=1), *arguments)
"""

ALWAYS = """\
@contextmanager
def sending():
    calls = []
    try:
        with session() as db:
            yield db, lambda job, *arguments: calls.append((job, arguments))
    finally:
        for job, arguments in calls:
            job.send(*arguments)
"""

SWALLOWS = """\
@contextmanager
def sending():
    calls = []
    try:
        with session() as db:
            yield db, lambda job, *arguments: calls.append((job, arguments))
        for job, arguments in calls:
            job.send(*arguments)
    except Exception as error:
        print(error)
"""

CALLS = """\
@contextmanager
def sending():
    calls = []
    with session() as db:
        yield db, lambda job, *arguments: calls.append((job, arguments))
    for job, arguments in calls:
        job(*arguments)
"""

ONE_LIST = """\
calls = []


@contextmanager
def sending():
    with session() as db:
        yield db, lambda job, *arguments: calls.append((job, arguments))
    for job, arguments in calls:
        job.send(*arguments)
"""

NO_MANAGER = SOLUTION.removeprefix("@contextmanager\n")

NO_BLOCK = """\
@contextmanager
def sending():
    yield session(), lambda job, *arguments: job.send(*arguments)
"""

NO_ARGUMENTS = """\
@contextmanager
def sending():
    jobs = []
    with session() as db:
        yield db, lambda job, *arguments: jobs.append(job)
    for job in jobs:
        job.send()
"""
