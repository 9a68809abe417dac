"""Where a measurement takes place: one throwaway Redis, drivers, and workers."""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Self

import redis

from bench.systems.base import ROOT, System
from labkit import tether
from labkit.redis_process import last_lines
from labkit.redis_throwaway import ThrowawayRedis
from labkit.worker import group_members


class Stage:
    """A context manager; ``clear`` between two measurements."""

    def __init__(self) -> None:
        self._stack = ExitStack()
        self._files = 0

    def __enter__(self) -> Self:
        self.folder = Path(self._stack.enter_context(tempfile.TemporaryDirectory()))
        self.server = self._stack.enter_context(ThrowawayRedis())
        # To free a million jobs takes Redis several seconds, and a busy machine takes longer.
        self.redis: redis.Redis = self.server.client(socket_timeout=120)
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def clear(self) -> None:
        """Everything out of Redis, its scripts too: to each client the server is new."""
        self.redis.flushall()
        self.redis.script_flush()
        self.redis.config_resetstat()

    def used_memory(self) -> int:
        """Bytes that Redis holds, as it counts them."""
        return int(self.redis.info("memory")["used_memory"])

    def new_file(self, kind: str) -> Path:
        """A path in a folder that goes with the stage."""
        self._files += 1
        return self.folder / f"{self._files}-{kind}"

    def drive(self, system: System, verb: str, **options: Any) -> dict[str, Any]:
        """Have the client's half do something, and return what it says.

        Raises:
          RuntimeError: it failed; with the end of what it wrote.
        """
        command = [*system.driver(), verb, json.dumps(options)]
        done = subprocess.run(
            command, env=self._env(system), cwd=ROOT, capture_output=True, text=True, check=False
        )
        if done.returncode:
            end = "\n".join(done.stderr.splitlines()[-5:])
            raise RuntimeError(f"{system.title} could not {verb} {options}:\n{end}")
        answer: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
        return answer

    @contextmanager
    def worker(
        self, system: System, processes: int, threads: int, *, awake: bool = True
    ) -> Iterator[list[int]]:
        """A worker, killed at the end; awake, each of its processes has run a job before.

        Gives the process ids of its leaders.
        """
        logs, running = [], []
        try:
            for command in system.workers(processes, threads):
                logs.append(self.new_file("worker.log"))
                env = self._env(system)
                running.append(tether.start(command, output=logs[-1], env=env))
            if awake:
                self._wake(system, processes, logs)
            yield [process.pid for process in running]
        finally:
            for process in running:
                process.kill()

    def _wake(self, system: System, processes: int, logs: list[Path]) -> None:
        before = system.unfinished(self.redis)
        path = str(self.new_file("wake"))
        try:
            self.drive(system, "wake", processes=processes, path=path)
        except RuntimeError as error:
            written = "\n".join(map(last_lines, logs))
            raise RuntimeError(f"{error}\nIts worker wrote:\n{written}") from None
        self.wait_for(lambda: system.unfinished(self.redis) == before, "an idle worker")

    @staticmethod
    def wait_for(condition: Callable[[], bool], what: str, timeout: float = 120.0) -> None:
        """Look every two milliseconds.

        Raises:
          RuntimeError: it has not come about in ``timeout`` seconds.
        """
        deadline = time.monotonic() + timeout
        while not condition():
            if time.monotonic() > deadline:
                raise RuntimeError(f"not within {timeout:g} s: {what}")
            time.sleep(0.002)

    def rate_of(self, left: Callable[[], int], count: int) -> float:
        """How many a second go, from the moment at which the first of ``count`` has gone."""
        began = time.perf_counter()

        def is_done() -> bool:
            nonlocal began
            now = left()
            if now >= count:
                began = time.perf_counter()
            return now == 0

        self.wait_for(is_done, f"{count} jobs")
        return count / (time.perf_counter() - began)

    def _env(self, system: System) -> dict[str, str]:
        # Dramatiq's own variables would tune one of the systems.
        env = {key: value for key, value in os.environ.items() if "dramatiq" not in key.lower()}
        env |= {"PYTHONPATH": str(ROOT), "LABKIT_HOME": str(self.folder)}
        return env | {"BENCH_REDIS_URL": self.server.url, **system.env}


def memory_of(leaders: list[int]) -> float:
    """MiB that these process groups have in memory."""
    pids = [str(pid) for leader in leaders for pid in group_members(leader)]
    command = ["ps", "-o", "rss=", "-p", ",".join(pids)]
    shown = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return sum(map(int, shown.split())) / 1024
