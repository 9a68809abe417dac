"""Runs the jobs under fire and compares: ``python -m tests.chaos.run --jobs 100000 --seed 1``."""

from __future__ import annotations

import argparse
import contextlib
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from labkit.ledger.check import check
from labkit.ledger.reader import Ledger
from labkit.ledger.records import JobState
from labkit.redis_client import client_of
from labkit.redis_throwaway import ThrowawayRedis
from tests.support_proxy import LossyProxy
from tests.support_tally import ROOT, start

BATCH = 500  # jobs of one producer process
SOCKET_TIMEOUT = (
    1.5  # seconds, in producer and workers: a reply that is held longer is lost to them
)


@dataclass
class Outcome:
    """What was done, and what came of it."""

    accepted: int = 0
    ran: int = 0
    kills: int = 0
    restarts: int = 0
    faults: int = 0
    held: int = 0
    lost: list[str] = field(default_factory=list)
    invented: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    unlabelled: list[str] = field(default_factory=list)
    doubled: int = 0
    seconds: float = 0.0

    def __str__(self) -> str:
        return (
            f"{self.accepted} jobs accepted, {self.ran} runs, {self.kills} kill -9, "
            f"{self.restarts} restarts of Redis, {self.faults} requests or replies lost, "
            f"{self.held} held, "
            f"{self.seconds:.0f} s: {len(self.lost)} lost, {len(self.invented)} invented, "
            f"{len(self.wrong)} wrong states, {self.doubled} doubled "
            f"({len(self.unlabelled)} of them without a label)"
        )


class Chaos:
    """One run; ``folder`` holds the tallies."""

    def __init__(self, folder: Path, jobs: int, seed: int, workers: int, pause: float) -> None:
        self.folder, self.jobs, self.pause = folder, jobs, pause
        self.dice = random.Random(seed)  # noqa: S311 - dice, not secrets
        self.outcome = Outcome()
        self.wanted = workers
        self.running: list[subprocess.Popen[bytes]] = []
        self.producer: subprocess.Popen[bytes] | None = None
        self.produced = 0
        (folder / "failed").mkdir()

    def run(self) -> Outcome:
        began = time.monotonic()
        config = {"appendfsync": "always"}
        with (
            ThrowawayRedis(persist=True, config=config) as server,
            LossyProxy(server.url) as proxy,
        ):
            self.env = os.environ | {
                "CHAOS_URL": proxy.url,
                "CHAOS_FOLDER": str(self.folder),
                "PYTHONPATH": str(ROOT),
                "dramatiq_restart_delay": "200",
                "CHAOS_TIMEOUT": str(SOCKET_TIMEOUT),
            }
            try:
                self._under_fire(server, proxy)
                proxy.forget()
                self._calm(server)
                # The checker looks at all jobs in one step, which here takes its time.
                self._compare(Ledger(client=client_of(server.url, timeout=300)))
            finally:
                for process in [*self.running, *filter(None, [self.producer])]:
                    self._kill(process)
        self.outcome.faults, self.outcome.held = proxy.lost, proxy.held
        self.outcome.seconds = time.monotonic() - began
        return self.outcome

    def _under_fire(self, server: ThrowawayRedis, proxy: LossyProxy) -> None:
        weights: dict[Callable[[], None], int] = {
            lambda: self._restart(server): 6,
            lambda: self._lose(proxy): 44,
            proxy.cut: 5,
            lambda: self._hold(proxy): 10,
            self._kill_a_worker: 25,
            self._kill_the_producer: 10,
        }
        faults = list(weights)
        planned = self.dice.sample(faults, len(faults))  # each of them once, however short the run
        while self._accepted() < self.jobs or self.producer is not None or planned:
            self._keep_up()
            time.sleep(self.dice.uniform(0.2, 1.8) * self.pause)
            [drawn] = self.dice.choices(faults, list(weights.values()))
            (planned.pop() if planned else drawn)()

    def _restart(self, server: ThrowawayRedis) -> None:
        server.kill()
        time.sleep(self.dice.uniform(0.0, 0.5))
        server.restart()
        self.outcome.restarts += 1

    def _lose(self, proxy: LossyProxy) -> None:
        lose = self.dice.choice([proxy.lose_reply_to, proxy.lose_request])
        lose(b"EVALSHA", times=self.dice.randrange(1, 4))

    def _hold(self, proxy: LossyProxy) -> None:
        # Some for longer than a client waits: it gives up a command that has run.
        seconds = self.dice.choice([0.2, 1.0, SOCKET_TIMEOUT + 0.5])
        proxy.hold_reply_to(b"EVALSHA", seconds, times=self.dice.randrange(1, 4))

    def _accepted(self) -> int:
        """How many jobs were accepted so far; those of a producer that was killed may be more."""
        path = self.folder / "accepted"
        return path.read_bytes().count(b"\n") if path.exists() else 0

    def _keep_up(self) -> None:
        """As many workers as are wanted, and a producer while there is something to send."""
        self.running = [process for process in self.running if process.poll() is None]
        while len(self.running) < self.wanted:
            command = ["-m", "dramatiq", "tests.chaos.app", "-p", "1", "-t", "4"]
            self.running.append(self._start(command))
        if self.producer is not None and self.producer.poll() is not None:
            self.producer = None
        if self.producer is None and self._accepted() < self.jobs:
            self.produced += BATCH
            prefix = f"p{self.produced}"
            self.producer = self._start(["-m", "tests.chaos.app", prefix, str(BATCH)])

    def _start(self, command: list[str]) -> subprocess.Popen[bytes]:
        return start(self.folder / "log", self.env, *command)

    def _kill_a_worker(self) -> None:
        if self.running:
            self._kill(self.dice.choice(self.running))
            self.outcome.kills += 1

    def _kill_the_producer(self) -> None:
        if self.producer is not None:
            self._kill(self.producer)
            self.outcome.kills += 1

    def _kill(self, process: subprocess.Popen[bytes]) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()

    def _calm(self, server: ThrowawayRedis) -> None:
        """No more faults: everything that was accepted comes to its end."""
        ledger = Ledger(server.url)
        waiting = [state for state in JobState if not state.is_final]
        deadline = time.monotonic() + 120
        while any(ledger.counts()[state] for state in waiting):
            self._keep_up()
            if time.monotonic() > deadline:
                break
            time.sleep(0.1)

    def _lines(self, name: str) -> list[str]:
        path = self.folder / name
        return path.read_text().splitlines() if path.exists() else []

    def _compare(self, ledger: Ledger) -> None:
        outcome, ran = self.outcome, Counter(self._lines("ran"))
        accepted, tried = self._lines("accepted"), set(self._lines("tried"))
        outcome.accepted, outcome.ran = len(accepted), ran.total()
        outcome.lost = [key for key in accepted if not ran[key]]
        outcome.invented = [key for key in ran if key.removesuffix("-next") not in tried]
        records = {}
        page, offset = 5_000, 0
        while found := ledger.jobs(JobState.COMPLETED, offset=offset, limit=page):
            records |= {job.args[0]: job for job in found}
            offset += page
        for state, count in ledger.counts().items():
            if state is not JobState.COMPLETED and count:
                outcome.wrong.append(f"{count} jobs are {state}")
        outcome.wrong += [str(difference) for difference in check(ledger)]
        outcome.wrong += [f"{key} ran, and has no record" for key in ran if key not in records]
        for key, runs in ran.items():
            # The marker says whether a job that fails once has done so in a run of its own.
            expected = 2 if (self.folder / "failed" / key).exists() else 1
            if key in records and runs > expected:
                outcome.doubled += 1
                if not records[key].times_lost:
                    outcome.unlabelled.append(key)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--jobs", type=int, default=100_000, help="to be accepted, at least")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--pause", type=float, default=1.0, help="mean seconds between faults")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        chaos = Chaos(Path(folder), options.jobs, options.seed, options.workers, options.pause)
        outcome = chaos.run()
    print(outcome)
    for kind in ("lost", "invented", "wrong", "unlabelled"):
        for item in getattr(outcome, kind)[:10]:
            print(f"  {kind}: {item}")
    return 1 if outcome.lost or outcome.invented or outcome.wrong or outcome.unlabelled else 0


if __name__ == "__main__":
    sys.exit(main())
