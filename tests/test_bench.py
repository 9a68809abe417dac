"""bench/: that it runs, and that its arithmetic is right; never how fast anything is."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from bench import jobs, million, report, rounds
from bench.__main__ import parse
from bench.driver import APART, stamps
from bench.ledger import read_costs
from bench.measures import KILLED, count_jammed
from bench.picture import draw
from bench.rows import ROWS, medians, percentile, ratio
from bench.systems import SYSTEMS
from labkit.broker import LabBroker
from labkit.ledger.check import check
from labkit.ledger.reader import Ledger
from labkit.ledger.records import JobState
from labkit.redis_throwaway import ThrowawayRedis

ROOT = Path(__file__).resolve().parents[1]
VALUES = {
    "each": {"labkit": [4.0, 5.0, 9.0], "dramatiq": [10.0, 11.0, 1.0]},
    "latency_median": {"labkit": [2.0], "sidekiq": [1.0]},
    "near_job": {"labkit": [1.0], "dramatiq": [0.0]},
    "kill_lost": {"labkit": [0.0], "dramatiq": [0.0]},
    "memory_growth": {"labkit": [0.1], "dramatiq": [3.0]},
}
VERSIONS = {
    name: {"version": "1.2", "runtime": "any"} for name in ("labkit", "dramatiq", "sidekiq")
}
ABOUT = {
    "at": "2026-01-02T03:04:05+00:00",
    "rounds": 3,
    "quick": False,
    "redis": "7",
    "python": "3.12",
    "cores": 2,
    "calibration": [{"python_ms": 1.0, "ping_us": 2.0, "load": 0.5}],
}


def test_a_quick_run_of_two_measures_writes_their_rows(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "bench", "--quick", "--output", str(tmp_path)]
    command += ["--measures", "each,drain 1x1"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    results = json.loads((tmp_path / "results.json").read_text())
    rows = {row["key"]: row for row in results["rows"]}
    assert set(rows) == {"each", "drain_1x1"}
    command[-1] = "each"
    subprocess.run([*command, "--more"], cwd=ROOT, capture_output=True, check=True)
    more = json.loads((tmp_path / "results.json").read_text())
    assert more["about"]["rounds"] == 2
    assert [len(row["systems"]["labkit"]["rounds"]) for row in more["rows"]] == [2, 1]
    assert all(one["median"] > 0 for row in rows.values() for one in row["systems"].values())
    assert "Enqueue, one by one" in done.stdout


@pytest.mark.slow
def test_a_quick_run_measures_every_row_of_labkit_and_of_dramatiq(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "bench", "--quick", "--output", str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    results = json.loads((tmp_path / "results.json").read_text())
    rows = {row["key"]: row for row in results["rows"]}
    assert set(rows) == set(ROWS)
    assert results["about"]["rounds"] == 1
    for key, row in rows.items():
        ours = row["systems"]["labkit"]
        assert ours["median"] > 0 or key == "memory_growth", key
        if ours["ratio"] is not None:
            assert ours["ratio"] == 1
        if other := row["systems"].get("dramatiq"):
            assert other["median"] > 0 or key in ("memory_growth", "near_job"), key
            if other["ratio"] is not None:
                assert other["ratio"] == pytest.approx(other["median"] / ours["median"])
    assert rows["near_job"]["systems"]["labkit"]["median"] == 1
    for text in (done.stdout, (tmp_path / "results.md").read_text()):
        assert "Send to start" in text
        assert "Dramatiq" in text


@pytest.mark.slow
def test_a_killed_worker_loses_what_its_queue_lets_go_of(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "bench", "--quick", "--output", str(tmp_path)]
    command += ["--measures", "kill", "--systems", "labkit,huey,procrastinate"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    results = json.loads((tmp_path / "results.json").read_text())
    rows = {row["key"]: row["systems"] for row in results["rows"]}
    assert {name: row["median"] for name, row in rows["kill_lost"].items()} == {
        "labkit": 0,
        "huey": 8,  # it takes a job off the list before it runs it
        "procrastinate": 0,
    }
    assert rows["kill_done"]["labkit"]["median"] == KILLED
    assert rows["kill_done"]["procrastinate"]["median"] == KILLED - 8


def test_jobs_that_write_into_a_pipe_are_told_apart_and_counted_once(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    try:
        for number in (0, 7, 39, 7):
            jobs.stamp(APART * number, str(pipe))
        # One job's line has not come to its end.
        with pipe.open("a") as half:
            half.write("-12")
        assert count_jammed(reader, 0.1) == {0, 7, 39}
    finally:
        os.close(reader)


def test_the_figures_are_medians_and_ratios_to_labkit() -> None:
    assert medians(VALUES)["each"] == {"labkit": 5.0, "dramatiq": 10.0}
    rows = {row["key"]: row for row in report.results(VALUES, VERSIONS, ABOUT)["rows"]}
    assert list(rows) == [key for key in ROWS if key in VALUES]
    assert rows["each"]["systems"]["dramatiq"]["ratio"] == 2
    assert rows["each"]["systems"]["dramatiq"]["rounds"] == [10.0, 11.0, 1.0]
    assert rows["latency_median"]["systems"]["sidekiq"]["ratio"] == 0.5
    assert rows["memory_growth"]["systems"]["dramatiq"]["ratio"] is None
    assert ratio(ROWS["each"], 3.0, None) is None


def test_rounds_are_kept_for_more_to_follow(tmp_path: Path) -> None:
    assert report.read(tmp_path) == ({}, [])
    report.write(report.results(VALUES, VERSIONS, ABOUT), tmp_path)
    assert report.read(tmp_path) == (VALUES, ABOUT["calibration"])


def test_a_stamp_that_is_being_written_is_none_yet(tmp_path: Path) -> None:
    (tmp_path / "stamps").write_text("0.5 41\n0.25 4")
    assert stamps(str(tmp_path / "stamps")) == [(0.5, "41")]
    (tmp_path / "stamps").write_text("0.5")
    assert stamps(str(tmp_path / "stamps")) == []


def test_the_page_shows_values_ratios_and_what_was_not_measured() -> None:
    page = report.markdown(report.results(VALUES, VERSIONS, ABOUT))
    assert "| | labkit | Dramatiq 1.2 | Sidekiq 1.2 |" in page
    assert "| Enqueue, one by one, jobs/s ↑ | 5 | 10 (2) | – |" in page
    assert "| A near job runs in time behind 8,001 far ones | yes | no | – |" in page
    assert "a PING 2 µs" in page


@pytest.mark.parametrize(
    ("value", "shown"),
    [(0.04321, "0.0432"), (9.876, "9.88"), (123.4, "123"), (4_567.0, "4,570"), (98_765, "98,800")],
)
def test_three_figures_count(value: float, shown: str) -> None:
    assert report.number(value) == shown


def test_percentiles_are_values_that_were_measured() -> None:
    values = [float(n) for n in range(200, 0, -1)]
    assert percentile(values, 0.95) == 190
    assert percentile(values, 0.99) == 198
    assert percentile([7.0], 0.99) == 7


def test_the_picture_is_drawn_also_of_a_part(tmp_path: Path) -> None:
    draw(report.results(VALUES, VERSIONS, ABOUT), tmp_path / "bench.png")
    assert (tmp_path / "bench.png").read_bytes().startswith(b"\x89PNG")


def test_the_ledgers_costs_are_of_redis_itself() -> None:
    with ThrowawayRedis() as server:
        broker = LabBroker(url=server.url)
        assert all(cost > 0 for cost in read_costs(server.client(), server.url))
        broker.client.close()


def test_measurements_are_chosen_by_the_beginnings_of_their_names() -> None:
    assert [one.name for one in rounds.chosen(["drain", "each"])] == [
        "each",
        "drain 1x1",
        "drain 1x8",
        "drain 2x8",
    ]
    assert parse(["--quick"]).systems == ["labkit", "dramatiq"]
    assert parse(["--quick", "--systems", "all"]).systems == []
    assert parse([]).rounds == 5


def test_an_unknown_system_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        parse(["--systems", "labkit,resque"])
    assert "no system resque" in capsys.readouterr().err


def test_a_systems_client_says_what_went_wrong() -> None:
    env = os.environ | {"BENCH_REDIS_URL": "redis://127.0.0.1:1/0", **SYSTEMS["labkit"].env}
    command = [*SYSTEMS["labkit"].driver(), "each", '{"count": 1}']
    done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True)
    assert done.returncode != 0
    assert "does not answer" in done.stderr


def test_the_million_jobs_are_an_application_that_is_true(ledger: Ledger) -> None:
    million.fill(ledger, 200)
    assert check(ledger) == []
    counts = ledger.counts()
    states = (JobState.COMPLETED, JobState.DEAD, JobState.ENQUEUED)
    assert [counts[state] for state in states] == [140, 40, 20]
