"""``python -m bench``: takes the measurements, prints the table, writes it and draws it."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from bench import report, rounds
from bench.measures import FULL, QUICK
from bench.stage import Stage
from bench.systems import SYSTEMS
from bench.systems.base import ROOT, System


def main(arguments: Sequence[str] | None = None) -> int:
    """The command; see ``--help``."""
    options = parse(arguments)
    console = Console(stderr=True)
    systems = present(options.systems, console)
    sizes = QUICK if options.quick else FULL
    folder = options.output or (None if options.quick else ROOT / "bench")
    with Stage() as stage:
        versions = {system.name: stage.drive(system, "version") for system in systems}
        before = report.read(folder) if folder and options.more else ({}, [])
        last = len(before[1]) + options.rounds
        for values, machine in rounds.take(
            stage,
            systems,
            rounds.chosen(options.measures),
            options.rounds,
            sizes,
            lambda number, measure, title, told: console.print(
                f"round {number}/{last}  {measure:10} {title:22} {told}", highlight=False
            ),
            before,
        ):
            about = report.about(stage.redis, options.quick, machine)
            results = report.results(values, versions, about)
            # Round by round: one that fails takes none of those before it along.
            if folder:
                report.write(results, folder)
    Console(width=None if sys.stdout.isatty() else 160).print(report.table(results))
    if folder and options.picture:
        from bench.picture import draw

        draw(results, ROOT / "docs" / "bench.png")
    return 0


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    """The options."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--rounds", type=int, help="rounds, of which medians are taken (5)")
    parser.add_argument("--more", action="store_true", help="add to the rounds of results.json")
    parser.add_argument("--quick", action="store_true", help="labkit and Dramatiq, in a minute")
    known = ", ".join(SYSTEMS)
    parser.add_argument("--systems", type=split, default=[], help=f"all, or some of {known}")
    parser.add_argument("--measures", type=split, default=[], help="by the beginnings of names")
    parser.add_argument("--output", type=Path, help="folder for results.json and results.md")
    parser.add_argument("--picture", action="store_true", help="draw docs/bench.png as well")
    options = parser.parse_args(arguments)
    options.rounds = options.rounds or (1 if options.quick else 5)
    if options.quick and not options.systems:
        options.systems = ["labkit", "dramatiq"]
    if options.systems == ["all"]:
        options.systems = []
    if unknown := set(options.systems) - set(SYSTEMS):
        parser.error(f"no system {', '.join(sorted(unknown))}; there are {', '.join(SYSTEMS)}")
    return options


def split(words: str) -> list[str]:
    """``a,b`` as a list."""
    return [word.strip() for word in words.split(",")]


def present(names: Sequence[str], console: Console) -> list[System]:
    """The systems that were asked for, or all, as far as they are installed here."""
    systems = [SYSTEMS[name] for name in names] if names else list(SYSTEMS.values())
    here = [system for system in systems if system.is_here()]
    for system in systems:
        if system not in here:
            console.print(f"{system.title} is not installed here: left out", style="yellow")
    if not here:
        raise SystemExit("none of these systems is installed here")
    return here


if __name__ == "__main__":
    sys.exit(main())
