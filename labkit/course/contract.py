"""The contract of an exercise, run for real: ``python -m labkit.course.contract 05.tomorrow``.

Untouched it is "not attempted"; three or more wrong answers get messages that differ; the solution
passes, and so does a second correct answer. Each runs as the learner's cells would, with nothing
left of the one before, in a root and on a Redis that are thrown away.
"""

from __future__ import annotations

import io
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from labkit.course import chapters
from labkit.course.exercise import Exercise, Verdict, judge
from labkit.course.misconception import behind_message
from labkit.redis_server import ThrowawayRedis
from labkit.settings import find_root

if TYPE_CHECKING:
    from labkit.course.keep import Keep

ENOUGH_WRONG, ENOUGH_HINTS = 3, 2


@dataclass(frozen=True)
class Case:
    """One answer to an exercise: ``right`` is what the check should find, ``part`` what it says."""

    name: str
    source: str
    right: bool | None
    part: str = ""
    misconception: str | None = None


def cases(task: Exercise) -> list[Case]:
    """Every answer that the exercise brings with it."""
    wrong = [
        Case(f"wrong answer {number}", answer[0], False, *answer[1:])
        for number, answer in enumerate(task.wrong, 1)
    ]
    return [
        Case("untouched", task.stub, None),
        *wrong,
        Case("solution", task.solution, True),
        Case("second correct answer", task.also_correct, True),
    ]


def faults(key: str) -> Iterator[str]:
    """What is wrong with an exercise, one line each; runs its code, so call it in a ``stage``."""
    task = chapters.exercise(key)
    if len(task.hints) < ENOUGH_HINTS:
        yield f"it has {len(task.hints)} hints; {ENOUGH_HINTS} are the least"
    if any(line in hint for hint in task.hints[:2] for line in _telling_lines(task)):
        yield "one of the first two hints gives the solution away"
    messages = set()
    for case in cases(task):
        verdict = answer(key, task, case.source)
        if verdict.right is not case.right:
            yield f"{case.name}: {_told(verdict)}"
        elif case.part not in verdict.message or (case.right is False and not case.part):
            yield f"{case.name}: says {verdict.message!r}, and not {case.part!r}"
        if case.right is False:
            messages.add(verdict.message)
            met = behind_message(key, verdict.message)
            if met != (case.misconception and f"{key.partition('.')[0]}.{case.misconception}"):
                yield f"{case.name}: its message stands for the misconception {met}"
    if len(messages) < ENOUGH_WRONG:
        yield f"wrong answers get {len(messages)} different messages; {ENOUGH_WRONG} are the least"
    if task.keep is not None:
        yield from _kept(key, task, task.keep)


def _kept(key: str, task: Exercise, keep: Keep) -> Iterator[str]:
    """What is wrong with the test that stands beside the answer that a learner keeps."""
    from labkit.course import work
    from labkit.course.keep import keep_test
    from labkit.settings import Settings

    for case in cases(task):
        if case.right is False:
            continue
        shutil.rmtree(Settings().work, ignore_errors=True)
        # The second answer may lean on other imports of the notebook's.
        more = "" if case.source == task.solution else task.setup
        said = io.StringIO()
        with redirect_stdout(said):
            work.write(keep.file, f"{more}\n{keep.around(case.source)}")
            keep_test(key)
        outcomes = [line for line in said.getvalue().splitlines() if "::" in line]
        passed = bool(outcomes) and all(line.startswith("PASSED") for line in outcomes)
        if passed is not bool(case.right):
            yield f"{case.name}, kept: {said.getvalue().splitlines()}"


def answer(key: str, task: Exercise, source: str) -> Verdict:
    """Run ``source`` where the stub stands, and judge what came of it."""
    from labkit.course.lab import clear
    from labkit.settings import Settings

    clear()
    shutil.rmtree(Settings().work, ignore_errors=True)
    names: dict[str, Any] = {"__name__": "__main__"}
    for place, code in {"setup": task.setup, "answer": source}.items():
        # Our own content; and a notebook does not have this file's `from __future__`.
        made = compile(code, f"<{key}: {place}>", "exec", dont_inherit=True)
        exec(made, names)  # noqa: S102  # nosec B102
    try:
        return judge(key, *[names[name] for name in task.given])
    finally:
        _stop_workers(names)


@contextmanager
def stage() -> Iterator[Path]:
    """A root and a Redis for this process, thrown away at the end."""
    before, added = Path.cwd(), find_root() / chapters.ADDED
    for name in list(os.environ):
        if name.startswith("LABKIT_") or name in ("REDIS_URL", "DATABASE_URL"):
            del os.environ[name]
    with (
        tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder,
        ThrowawayRedis() as server,
    ):
        root = Path(folder).resolve()
        (root / "labkit.toml").touch()
        if added.is_dir():
            shutil.copytree(added, root / added.name)
        os.environ.update(LABKIT_HOME=str(root), REDIS_URL=server.url)
        os.chdir(root)
        try:
            from labkit.database import create_tables

            create_tables()
            yield root
        finally:
            os.chdir(before)


def _stop_workers(names: dict[str, Any]) -> None:
    if module := sys.modules.get("labkit.worker"):
        for value in names.values():
            if isinstance(value, module.Worker):
                value.kill()  # nothing that it holds is of use to anybody


def _telling_lines(task: Exercise) -> list[str]:
    # Lines of the solution that the stub has not, and that are more than a word.
    stub = set(task.stub.splitlines())
    lines = [line.strip() for line in task.solution.splitlines() if line not in stub]
    return [line for line in lines if len(line) > 8]


def _told(verdict: Verdict) -> str:
    word = {None: "not attempted", True: "right", False: "wrong"}[verdict.right]
    return f"is called {word} ({verdict.message})"


def main(keys: list[str]) -> int:
    """The command line: ids of exercises, all when there are none; returns the exit status."""
    if len(keys) == 1:
        with stage():
            found = list(faults(keys[0]))
        sys.stdout.write(f"{keys[0]}: {'; '.join(found) or 'keeps its contract'}\n")
        return int(bool(found))
    every = [key for chapter in chapters.every() for key in chapter.ids()["exercises"]]
    # Each in a process of its own: what an exercise imports and declares stays there.
    module = [sys.executable, "-m", "labkit.course.contract"]
    return max(subprocess.run([*module, key], check=False).returncode for key in keys or every)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
