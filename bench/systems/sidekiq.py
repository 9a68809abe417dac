"""Sidekiq, the guide's own system: Debian's ``ruby-sidekiq``, or the gem."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

from bench.systems.base import ROOT, Client, Store, System

FOLDER = ROOT / "bench" / "sidekiq"


class SidekiqSystem(System):
    """``sidekiq`` with the application beside ``driver.rb``."""

    def is_here(self) -> bool:
        return bool(shutil.which("sidekiq") and shutil.which("ruby")) and _loads()

    def driver(self) -> list[str]:
        return ["ruby", str(FOLDER / "driver.rb")]

    def worker(self, threads: int) -> list[str]:
        # Its own default is ten threads; the guide keeps that.
        concurrency = str(10 if threads > 1 else 1)
        return ["sidekiq", "-r", str(FOLDER / "app.rb"), "-c", concurrency, "-q", "default"]

    def waiting(self, store: Store) -> int:
        return store.zcard("schedule")

    def client(self) -> Client:
        raise NotImplementedError("its driver is driver.rb")


def _loads() -> bool:
    probe = ["ruby", "-e", "require 'sidekiq'"]
    return subprocess.run(probe, capture_output=True, check=False, cwd=Path("/")).returncode == 0


SIDEKIQ = SidekiqSystem(
    name="sidekiq",
    title="Sidekiq",
    module="",
    queue="queue:default",
    drains={(1, 1): 12_000, (1, 8): 12_000, (2, 8): 24_000},
    has_bulk=True,
    scheduled=100_000,
    due=4_000,
    is_punctual=True,
    # Its poller first waits 10 to 15 s.
    settles=17.0,
)
#: The same without its two lines of log a job.
SIDEKIQ_QUIET = SidekiqSystem(
    name="sidekiq-quiet",
    title="Sidekiq at WARN",
    module="",
    queue="queue:default",
    drains={(1, 1): 12_000, (1, 8): 20_000, (2, 8): 30_000},
    env={"BENCH_SIDEKIQ_LOG": "WARN"},
)
