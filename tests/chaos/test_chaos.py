"""The short form of ``make chaos``."""

from __future__ import annotations

from pathlib import Path

from tests.chaos.run import Chaos


def test_nothing_is_lost_invented_or_wrong(tmp_path: Path) -> None:
    outcome = Chaos(tmp_path, jobs=400, seed=1, workers=2, pause=0.7).run()
    print(outcome)
    assert outcome.accepted > 0
    assert min(outcome.kills, outcome.restarts) > 0
    assert (outcome.lost, outcome.invented, outcome.wrong) == ([], [], [])
    assert outcome.unlabelled == []
