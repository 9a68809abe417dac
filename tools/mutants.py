"""Changes each exercise's solutions a little, many times, and sees whether the check still passes.

``make mutants`` takes every exercise, ``ARGS='05 00.left'`` some; ``--sample 3`` takes that many
of each, chosen by ``--seed``. A mutant that the check lets pass is printed with what was changed.
Those that do the same as the solution, and so pass rightly, stand with the reason in
``tools/equivalents.toml``.

A mutant (see ``mutation``) is one change to ``solution`` or ``also_correct``. It is caught when the
check calls it wrong or not attempted, and when the learner's own cell raises.
"""

from __future__ import annotations

import argparse
import os
import random
import signal
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

from labkit.course import chapters
from labkit.course.contract import answer, stage
from tools.mutation import Mutant, mutants

EQUIVALENTS = Path(__file__).with_name("equivalents.toml")
#: The share of mutants, in percent, that the checks are to catch.
GOAL = 95
#: Seconds after which a mutant that still runs has shown that it is one.
PATIENCE = 20


def of_exercise(key: str) -> list[Mutant]:
    """The mutants of both correct answers to an exercise, each once, without the equivalent."""
    task = chapters.exercise(key)
    same = equivalents().get(key, {})
    both = {m.source: m for source in (task.solution, task.also_correct) for m in mutants(source)}
    return [mutant for mutant in both.values() if mutant.what not in same]


def equivalents() -> dict[str, dict[str, str]]:
    """By exercise: what was changed -> why it is as right as the solution."""
    return tomllib.loads(EQUIVALENTS.read_text(encoding="utf-8"))


def survivors(key: str, chosen: list[Mutant]) -> Iterator[Mutant]:
    """Those that the check lets pass; runs their code, so call it in a ``stage``."""
    task = chapters.exercise(key)
    for mutant in chosen:
        # A process of its own: it may hang, and what it declares or breaks goes with it.
        child = os.fork()
        if child == 0:
            os.setsid()
            signal.alarm(PATIENCE)
            silence = os.open(os.devnull, os.O_WRONLY)
            os.dup2(silence, 1)
            os.dup2(silence, 2)
            try:
                passed = answer(key, task, mutant.source).right is True
            except BaseException:
                passed = False
            os._exit(0 if passed else 1)
        if os.waitpid(child, 0)[1] == 0:
            yield mutant


def examine(key: str, sample: int | None, seed: int) -> tuple[int, list[Mutant]]:
    """How many mutants were tried, and which survived."""
    chosen = of_exercise(key)
    if sample is not None:
        chosen = random.Random(f"{seed} {key}").sample(chosen, min(sample, len(chosen)))  # noqa: S311
    with stage():
        return len(chosen), list(survivors(key, chosen))


def main(arguments: list[str] | None = None) -> int:
    """The command line; returns the exit status: 1 where less than the goal are caught."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("names", nargs="*", help="chapters or exercises (default: all)")
    parser.add_argument("--sample", type=int, help="that many of each exercise")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args(arguments)
    every = [key for chapter in chapters.every() for key in chapter.ids()["exercises"]]
    keys = [
        key
        for key in every
        if not options.names or {key, key.partition(".")[0]} & set(options.names)
    ]
    if len(keys) == 1:
        tried, left = examine(keys[0], options.sample, options.seed)
        print(f"{keys[0]}: {tried - len(left)} of {tried} caught")
        for mutant in left:
            print(f"    {mutant.what}")
        return int(tried == 0 or 100 * (tried - len(left)) < GOAL * tried)
    return _each(keys, options)


def _each(keys: list[str], options: argparse.Namespace) -> int:
    """Each exercise in a process of its own: what it imports and declares stays there."""
    tried = caught = 0
    for key in keys:
        command = [sys.executable, "-m", "tools.mutants", key, f"--seed={options.seed}"]
        command += [f"--sample={options.sample}"] if options.sample is not None else []
        said = subprocess.run(command, capture_output=True, text=True, check=False)
        print(said.stdout or said.stderr, end="", flush=True)
        words = said.stdout.partition("\n")[0].split()
        if len(words) != 5:
            return 1
        caught, tried = caught + int(words[1]), tried + int(words[3])
    share = 100 * caught / tried if tried else 0
    print(f"in all: {caught} of {tried} caught, {share:.1f} %; the goal is {GOAL} %")
    return int(share < GOAL)


if __name__ == "__main__":
    sys.exit(main())
