"""The short form of ``make soak``: does it see what it is to see?"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.soak.run import Outcome, Soak, write


def test_steady_work_is_measured_and_nothing_is_lost(tmp_path: Path) -> None:
    outcome = Soak(tmp_path, seconds=4, rate=100, every=0.4).run()
    print(outcome)
    assert outcome.sent > 0
    assert outcome.lost == 0
    assert len(outcome.samples) >= 3
    assert min(outcome.samples[-1].values()) > 0
    write(outcome, tmp_path / "curve")
    assert len((tmp_path / "curve.csv").read_text().splitlines()) == len(outcome.samples) + 1
    assert (tmp_path / "curve.png").stat().st_size > 5_000


@pytest.mark.parametrize(
    ("name", "step", "is_flat"),
    [("worker MiB", 0.05, True), ("worker MiB", 0.5, False), ("worker files", 0.2, False)],
)
def test_what_grows_is_named(name: str, step: float, is_flat: bool) -> None:
    outcome = Outcome([{"seconds": n, name: 40 + step * n, "jobs": n} for n in range(30)])
    outcome.judge()
    assert outcome.grew == [] if is_flat else outcome.grew[0].startswith(f"{name} from")
