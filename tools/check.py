"""Runs the checks in groups and sums them up with their times.

``make test`` is ``tools/check.py``; ``tools/check.py --all`` takes the slow tests too, and
``tools/check.py lint types`` runs those groups alone. Every group runs, whatever failed before it;
the exit status is 1 when one did.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PYTEST = ["pytest", "-q", "--durations=5", "--durations-min=2"]

#: Files that begin first, so that at the end nobody waits for one of them; in their names' order,
#: the others follow.
LONG = ("chapters", "notebooks", "worker", "setup", "redis_private", "story", "hosts", "watcher")


@dataclass(frozen=True)
class Group:
    """Commands that are told apart in the summary; ``home`` is what they check."""

    name: str
    home: str
    commands: list[list[str]]


def groups(slow: bool) -> list[Group]:
    """All groups, quickest first, so that the usual mistake is told within seconds."""
    chosen = [] if slow else ["-m", "not slow"]
    # Six at once on two cores: a test spends half of its time waiting for a server that
    # starts or a worker that ends.
    spread = ["-n6", "--dist=loadfile", "--no-loadscope-reorder", "--ignore=tests/browser"]
    spread += [f"tests/test_{name}.py" for name in LONG]
    return [
        Group("lint", ".", [["ruff", "check", "."], ["ruff", "format", "--check", "."]]),
        Group("security", "labkit", [["python", "-m", "tools.audit", "--code"]]),
        Group("types", "labkit", [["mypy"]]),
        Group("tests", "tests", [[*PYTEST, *spread, *chosen, "tests"]]),
        Group("notebooks", "notebooks", [["python", "tools/notebooks.py", "--check"]]),
        # Each of the two has a JupyterLab of its own, which all its files share.
        Group(
            "browser",
            "tests/browser",
            [[*PYTEST, "-n2", "--dist=loadfile", *chosen, "tests/browser"]],
        ),
    ]


def run(group: Group, root: Path = ROOT) -> str:
    """Runs a group's commands in ``root``: ``passed``, ``FAILED``, or ``no …/ here``."""
    if not (root / group.home).exists():
        return f"no {group.home}/ here"
    codes = [_call(command, root) for command in group.commands]
    return "FAILED" if any(codes) else "passed"


def _call(command: list[str], root: Path) -> int:
    tools = Path(sys.executable).parent
    path = os.pathsep.join([str(tools), os.environ.get("PATH", os.defpath)])
    print("$", *command, flush=True)
    try:
        return subprocess.call(command, cwd=root, env={**os.environ, "PATH": path})
    except FileNotFoundError:
        print(f"{command[0]} is not installed beside {sys.executable}: run `make setup`.")
        return 1


def main(arguments: list[str] | None = None) -> int:
    """The command line; returns the exit status."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--all", action="store_true", help="the slow tests too")
    parser.add_argument("groups", nargs="*", help="these groups only (default: every one)")
    options = parser.parse_args(arguments)
    known = {group.name: group for group in groups(options.all)}
    unknown = sorted(set(options.groups) - set(known))
    if unknown:
        parser.error(f"no group {', '.join(unknown)}; there are {', '.join(known)}")

    summary: list[tuple[str, str, float]] = []
    for name in options.groups or known:
        print(f"\n== {name}", flush=True)
        began = time.monotonic()
        verdict = run(known[name])
        summary.append((name, verdict, time.monotonic() - began))

    print()
    for name, verdict, seconds in summary:
        print(f"{name:<10} {verdict:<20} {seconds:6.1f} s")
    print(f"{'in all':<31} {sum(seconds for *_, seconds in summary):6.1f} s")
    return int(any(verdict == "FAILED" for _, verdict, _ in summary))


if __name__ == "__main__":
    sys.exit(main())
