"""Steady load for half an hour, and what each process holds meanwhile: ``make soak``.

One process sends, one works, one looks on with a board, one is Redis. Every few seconds each is
asked for its memory, its open files and its threads; the curve goes to a CSV file and, drawn, to a
PNG. It is flat where the median of the last fifth is no more than 3 % or 2 MiB above that of the
second fifth, when all that is kept to a bound has long reached it.
"""

from __future__ import annotations

import argparse
import contextlib
import csv
import os
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

import psutil

from labkit.redis_throwaway import ThrowawayRedis
from tests.support import wait_until
from tests.support_tally import ROOT, start

#: How much more a process may hold at the end, in MiB or of its all, files and threads.
MORE_MIB, MORE_SHARE, MORE_HANDLES = 2.0, 0.03, 2


#: Bytes of a line of a tally.
LINE = 9


@dataclass
class Outcome:
    """The curve, and what became of the jobs."""

    samples: list[dict[str, float]] = field(default_factory=list)
    sent: int = 0
    lost: int = 0
    grew: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        if not self.samples:
            return "no samples"
        first, last = self.samples[0]["seconds"], self.samples[-1]["seconds"]
        lines = [f"{self.sent} jobs sent in {last - first:.0f} s, {self.lost} lost"]
        for name in self.samples[0]:
            early, late = self.ends(name)
            if name != "seconds":
                lines.append(f"  {name:<18} {early:9.2f} -> {late:9.2f}")
        return "\n".join([*lines, *(f"  GREW: {one}" for one in self.grew)])

    def ends(self, name: str) -> tuple[float, float]:
        """The medians of the second and of the last fifth."""
        values = [sample[name] for sample in self.samples]
        fifth = max(1, len(values) // 5)
        return median(values[fifth : 2 * fifth] or values), median(values[-fifth:])

    def judge(self) -> None:
        """Say what is not flat."""
        for name in self.samples[0]:
            early, late = self.ends(name)
            room = max(MORE_MIB, MORE_SHARE * early) if name.endswith("MiB") else MORE_HANDLES
            if name.split()[-1] in {"MiB", "files", "threads"} and late > early + room:
                self.grew.append(f"{name} from {early:.2f} to {late:.2f}")


class Soak:
    """One run; ``folder`` holds the tallies and the logs."""

    def __init__(self, folder: Path, seconds: float, rate: int, every: float) -> None:
        self.folder, self.seconds, self.rate, self.every = folder, seconds, rate, every
        self.outcome = Outcome()
        (folder / "ran").touch()

    def run(self) -> Outcome:
        """Do it; afterwards every process is gone."""
        with ThrowawayRedis() as server, contextlib.ExitStack() as stack:
            self.env = os.environ | {
                "SOAK_URL": server.url,
                "SOAK_FOLDER": str(self.folder),
                "PYTHONPATH": str(ROOT),
            }
            board = self._start(stack, "-m", "tests.soak.looker")
            worker = self._start(stack, "-m", "dramatiq", "tests.soak.app", "-p", "1", "-t", "4")
            wait_until(lambda: len(_children(worker)) >= 1, 30, "the worker has a process")
            sender = self._start(stack, "-m", "tests.soak.app", str(self.rate), str(self.seconds))
            began = time.monotonic()
            while sender.poll() is None:
                time.sleep(self.every)
                processes = {"worker": worker, "sender": sender, "board": board}
                self._sample(time.monotonic() - began, processes, server)
            wait_until(lambda: not self._missing(), 60, "all that was sent has run")
        self.outcome.sent, self.outcome.lost = len(self._keys("sent")), len(self._missing())
        self.outcome.judge()
        return self.outcome

    def _start(self, stack: contextlib.ExitStack, *command: str) -> subprocess.Popen[bytes]:
        process = start(self.folder / "log", self.env, *command)
        stack.callback(_end, process)
        return process

    def _sample(
        self,
        now: float,
        processes: dict[str, subprocess.Popen[bytes]],
        server: ThrowawayRedis,
    ) -> None:
        sample: dict[str, float] = {"seconds": round(now, 1)}
        for name, process in processes.items():
            # Of the worker its one child is meant: the master beside it only waits.
            own = psutil.Process(process.pid)
            seen = max(own.children() or [own], key=_mib) if name == "worker" else own
            sample |= {
                f"{name} MiB": _mib(seen),
                f"{name} files": float(seen.num_fds()),
                f"{name} threads": float(seen.num_threads()),
            }
        with server.client() as client:
            memory: Any = client.info("memory")
            clients: Any = client.info("clients")
        sample["redis MiB"] = memory["used_memory"] / 2**20
        sample["redis files"] = float(clients["connected_clients"])
        sample["jobs"] = (self.folder / "ran").stat().st_size / LINE
        if all(sample.values()):  # a sender that has just ended holds nothing
            self.outcome.samples.append(sample)

    def _keys(self, name: str) -> list[bytes]:
        path = self.folder / name
        return path.read_bytes().split() if path.exists() else []

    def _missing(self) -> set[bytes]:
        return set(self._keys("sent")) - set(self._keys("ran"))


def _mib(process: psutil.Process) -> float:
    """What the process has for itself alone, without what it shares with others."""
    return float(process.memory_full_info().uss) / 2**20


def _children(process: subprocess.Popen[bytes]) -> list[psutil.Process]:
    return psutil.Process(process.pid).children()


def _end(process: subprocess.Popen[bytes]) -> None:
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(20)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def write(outcome: Outcome, place: Path) -> None:
    """The curve as ``place``.csv and ``place``.png."""
    place.parent.mkdir(parents=True, exist_ok=True)
    with place.with_suffix(".csv").open("w", newline="") as file:
        table = csv.DictWriter(file, list(outcome.samples[0]), lineterminator="\n")
        table.writeheader()
        table.writerows({k: round(v, 2) for k, v in sample.items()} for sample in outcome.samples)
    draw(outcome, place.with_suffix(".png"))


def draw(outcome: Outcome, path: Path) -> None:
    """Memory over time, a line for each process, from zero so that a slope is seen as it is."""
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot as plt

    figure, axes = plt.subplots(figsize=(7, 3.2), layout="constrained")
    minutes = [sample["seconds"] / 60 for sample in outcome.samples]
    for name, colour in zip(
        ("worker", "sender", "board", "redis"),
        ("#1f5fa8", "#b35c00", "#2e7d4f", "#a8323e"),
        strict=True,
    ):
        values = [sample[f"{name} MiB"] for sample in outcome.samples]
        axes.plot(minutes, values, color=colour, linewidth=1.6)
        label = {"board": "kernel with a board", "redis": "Redis"}.get(name, name)
        # Worker and sender hold about the same: their names stand above and below the lines.
        axes.annotate(
            f"{label}, {values[-1]:.0f}",
            (minutes[-1], values[-1]),
            xytext=(6, {"worker": 5, "sender": -5}.get(name, 0)),
            textcoords="offset points",
            va="center",
            color=colour,
        )
    axes.set_ylim(bottom=0)
    axes.set_xlim(0, minutes[-1])
    axes.set_xlabel("minutes")
    axes.set_ylabel("MiB of its own")
    axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, dpi=110)
    plt.close(figure)


def main(arguments: list[str] | None = None) -> int:
    """The command line; the exit status is 1 when something grew or a job is lost."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--minutes", type=float, default=30)
    parser.add_argument("--rate", type=int, default=100, help="jobs a second")
    parser.add_argument("--out", type=Path, default=ROOT / "build" / "soak", help="less its ending")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as folder:
        seconds = options.minutes * 60
        every = min(5.0, seconds / 40)
        outcome = Soak(Path(folder), seconds, options.rate, every).run()
    write(outcome, options.out)
    print(outcome)
    print(f"the curve: {options.out.with_suffix('.csv')}, {options.out.with_suffix('.png')}")
    return int(bool(outcome.lost or outcome.grew))


if __name__ == "__main__":
    sys.exit(main())
