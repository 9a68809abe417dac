"""The turns: round by round, row by row, one system after the other."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import redis

from bench.measures import MEASURES, Measure, Sizes
from bench.rows import ROWS, Values
from bench.stage import Stage
from bench.systems.base import System

#: Told what goes on: round, measurement, system, and what came of it.
Tell = Callable[[int, str, str, str], None]


def take(
    stage: Stage,
    systems: Sequence[System],
    measures: Sequence[Measure],
    rounds: int,
    sizes: Sizes,
    tell: Tell,
    before: tuple[Values, list[dict[str, Any]]],
) -> Iterator[tuple[Values, list[dict[str, Any]]]]:
    """After each round all values, and what the machine itself did before each.

    Each round begins with another system, so that none always comes after the same one.

    Parameters:
      before: the same of earlier rounds, to which these are added.
    """
    values, machine = before
    for number in range(len(machine), len(machine) + rounds):
        machine.append(calibrate(stage.redis))
        shift = number % len(systems)
        turn = [*systems[shift:], *systems[:shift]]
        for measure in measures:
            if measure.once and number:
                continue
            for system in filter(measure.is_for, turn):
                stage.clear()
                figures = measure.run(stage, system, sizes)
                for key, figure in figures.items():
                    values.setdefault(key, {}).setdefault(system.name, []).append(figure)
                told = ", ".join(f"{figures[key]:,.4g}" for key in figures if key in ROWS)
                tell(number + 1, measure.name, system.title, told)
        yield {key: of_row for key, of_row in values.items() if key in ROWS}, machine


def calibrate(server: redis.Redis) -> dict[str, Any]:
    """How quick the machine is now: Python alone, a round trip to Redis, and the load."""
    began = time.perf_counter()
    sum(range(5_000_000))
    loop = time.perf_counter() - began
    began = time.perf_counter()
    for _ in range(2_000):
        server.ping()
    ping = (time.perf_counter() - began) / 2_000
    return {"python_ms": loop * 1e3, "ping_us": ping * 1e6, "load": os.getloadavg()[0]}


def chosen(names: Sequence[str]) -> list[Measure]:
    """The measurements whose names begin with one of these words; all without any."""
    return [one for one in MEASURES if not names or one.name.startswith(tuple(names))]
