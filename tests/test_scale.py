"""docs/scale.md: its numbers are what the simulation gives, and what was measured."""

from __future__ import annotations

from statistics import mean

import pytest

from bench import scale


def test_the_page_says_what_the_simulation_gives() -> None:
    page = scale.PAGE.read_text(encoding="utf-8")
    assert scale.replace(page, "\n".join(scale.lines())) == page


@pytest.mark.parametrize("load", [0.5, 0.8, 0.9])
def test_the_waits_are_those_of_theory(load: float) -> None:
    # Pollaczek and Khinchine: what waits for a server that takes the same for each.
    assert mean(scale.waits(load, 1.0)) == pytest.approx(load / (2 * (1 - load)), rel=0.1)


def test_the_shares_are_all_and_no_placing_beats_the_busiest_queue() -> None:
    assert sum(scale.shares()) == pytest.approx(1)
    assert scale.carried([0] * scale.QUEUES, 1) == pytest.approx(1)
    for servers in scale.SERVERS:
        assert 1 < scale.by_hash(servers) <= scale.by_hand(servers) <= servers
        assert scale.by_hand(servers) <= 1 / scale.shares()[0] + 1e-9


def test_a_waiting_job_takes_the_bytes_that_the_page_says() -> None:
    assert scale.measure() == pytest.approx(scale.WAITING, rel=0.05)
