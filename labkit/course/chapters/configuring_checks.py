"""The checks of chapter 03: what labkit reads from a file, and what a middleware counts."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from labkit.course.exercise import NotAttempted, Wrong
from labkit.course.trial import trial
from labkit.errors import ConfigurationError
from labkit.settings import Settings

#: What a class has that defines no hook; Python 3.13 adds the last two.
NO_HOOKS = {"__init__", "__module__", "__doc__", "__firstlineno__", "__static_attributes__"}


def check_toml(text: Any) -> None:
    """What labkit reads from the learner's file, in the two environments, and in a third."""
    if not isinstance(text, str):
        raise Wrong("`config` is the text of the file: a string")
    development, production = _read(text, "development"), _read(text, "production")
    if (development.concurrency, production.concurrency) != (2, 10):
        raise Wrong(
            f"development gets {development.concurrency} threads and production "
            f"{production.concurrency}; 2 and 10 were asked for"
        )
    every = [development, production, _read(text, "staging")]
    if len({tuple(settings.queues) for settings in every}) == 1 and development.queues:
        if sorted(development.queues) != ["default", "mailers"]:
            raise Wrong(f"every environment gets {development.queues}, and two queues were named")
    for settings in every:
        if sorted(settings.queues) != ["default", "mailers"]:
            raise Wrong(
                f"{settings.env} listens to {settings.queues or 'every queue'}. What stands below "
                "a `[table]` belongs to that environment alone: `queues` for all of them stands "
                "above the first table"
            )


def _read(text: str, env: str) -> Settings:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "labkit.toml"
        file.write_text(text, encoding="utf-8")
        try:
            return Settings(root=Path(folder), env=env)
        except ConfigurationError as error:
            said = str(error).replace(str(file), "labkit.toml")
            raise Wrong(f"labkit does not take it. It says: {said}") from None


def check_tally(tally_class: Any) -> None:
    """What the learner's middleware counts, in a worker that runs five jobs."""
    if set(vars(tally_class)) <= NO_HOOKS:
        raise NotAttempted
    tally = tally_class()
    seen: list[int] = []
    with trial(tally) as queue:

        def divide(by: int) -> None:
            seen.append(tally.done)
            1 / by

        queue.job(divide, "divide").send_many([(1,), (0,), (1,), (0,), (1,)])
        queue.run_all()
    _judge_tally(tally, seen, queue.complaints)


def judge_hooks(complaints: Sequence[str], was_called: bool) -> None:
    """Whether the hooks of a middleware are hooks: called, and without an error."""
    if complaints:
        question = " What does Dramatiq hand to this hook?" if "argument" in complaints[0] else ""
        raise Wrong(
            f"your hook raised: {complaints[0]}. Dramatiq wrote that to its log as CRITICAL and "
            f"went on with the job, so nobody noticed.{question}"
        )
    if not was_called:
        raise Wrong(
            "jobs ran, and none of your methods was called, or none that counts. Dramatiq calls a "
            "hook by its name: is yours spelt as in `dramatiq.Middleware`?"
        )


def _judge_tally(tally: Any, seen: Sequence[int], complaints: Sequence[str]) -> None:
    counted = (tally.done, tally.failed)
    judge_hooks(complaints, counted != (0, 0))
    if seen and seen[0] > 0:
        raise Wrong(
            "you counted a job as done before it had run. It may still fail; which hook is called "
            "when it is over?"
        )
    if counted == (5, 0):
        raise Wrong(
            "two of the five jobs raised, and you counted them as done. The hook is called for "
            "those too: how does it tell you?"
        )
    if counted == (0, 5):
        raise Wrong(
            "you counted those that ended well as failed. A job that returns nothing has no "
            "result, and nothing is wrong with it: what tells you that one raised?"
        )
    if counted != (3, 2):
        raise Wrong(
            f"three jobs ended well and two raised; you counted {counted[0]} and {counted[1]}"
        )


# Answers to try the checks on: right ones, and mistakes.
TOML = """\
config = '''
concurrency = 2
queues = ["default", "mailers"]

[production]
concurrency = 10
'''
"""

TOML_OTHERWISE = """\
config = '''
queues = ["mailers", "default"]

[development]
concurrency = 2

[production]
concurrency = 10
'''
"""

YAML = """\
config = '''
concurrency: 2
queues:
  - default
'''
"""

ONE_QUEUE = """\
config = '''
concurrency = 2
queues = ["default"]

[production]
concurrency = 10
'''
"""

BELOW = """\
config = '''
concurrency = 2

[production]
concurrency = 10
queues = ["default", "mailers"]
'''
"""

TALLY = """\
class Tally(dramatiq.Middleware):
    def __init__(self):
        self.done = self.failed = 0
"""

SOLUTION = """
    def after_process_message(self, broker, message, *, result=None, exception=None):
        if exception is None:
            self.done += 1
        else:
            self.failed += 1
"""

ALSO_CORRECT = """
    def after_process_message(self, broker, message, **outcome):
        self.failed += bool(outcome.get("exception"))
        self.done += not outcome.get("exception")
"""

TOO_EARLY = """
    def before_process_message(self, broker, message):
        self.done += 1
"""

EITHER_WAY = """
    def after_process_message(self, broker, message, *, result=None, exception=None):
        self.done += 1
"""

BY_RESULT = """
    def after_process_message(self, broker, message, *, result=None, exception=None):
        if result is not None:
            self.done += 1
        else:
            self.failed += 1
"""

TOO_FEW = """
    def after_process_message(self, broker, message):
        self.done += 1
"""

OTHER_NAME = """
    def after_process(self, broker, message, *, result=None, exception=None):
        self.done += 1
"""
