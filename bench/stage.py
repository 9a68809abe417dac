"""Where a measurement takes place: one throwaway Redis, drivers, and workers."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Self

import psutil
import redis

from bench.systems.base import ROOT, System, tool
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
        self._postgres: Any = None
        self._postgres_url = ""
        return self

    def store(self, system: System) -> Any:
        """What a system keeps its jobs in; a PostgreSQL is started when the first wants one."""
        if system.store == "redis":
            return self.redis
        if self._postgres is None:
            import psycopg

            from labkit.postgres_throwaway import ThrowawayPostgres

            self._postgres_url = self._stack.enter_context(ThrowawayPostgres()).url
            connect = psycopg.connect(self._postgres_url, autocommit=True)
            self._postgres = self._stack.enter_context(connect)
            schema = [tool(system.python, "procrastinate"), "schema", "--apply"]
            app = "--app=bench.systems.procrastinate_app.app"
            subprocess.run([schema[0], app, *schema[1:]], env=self._env(system), check=True)
        return self._postgres

    def unfinished(self, system: System) -> int:
        """How many jobs a system still has that are not done."""
        return system.unfinished(self.store(system))

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def clear(self) -> None:
        """Everything out of Redis, its scripts too: to each client the server is new."""
        self.redis.flushall()
        self.redis.script_flush()
        self.redis.config_resetstat()
        if self._postgres is not None:
            self._postgres.execute("TRUNCATE procrastinate_jobs RESTART IDENTITY CASCADE")
            self._postgres.execute("VACUUM ANALYZE")

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
        self.store(system)
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
        before = self.unfinished(system)
        path = str(self.new_file("wake"))
        try:
            self.drive(system, "wake", processes=processes, path=path)
        except RuntimeError as error:
            written = "\n".join(map(last_lines, logs))
            raise RuntimeError(f"{error}\nIts worker wrote:\n{written}") from None
        self.wait_for(lambda: self.unfinished(system) == before, "an idle worker")

    @staticmethod
    def wait_for(
        condition: Callable[[], bool], what: str, timeout: float = 120.0, looks: float = 0.002
    ) -> None:
        """Look every ``looks`` seconds.

        Raises:
          RuntimeError: it has not come about in ``timeout`` seconds.
        """
        deadline = time.monotonic() + timeout
        while not condition():
            if time.monotonic() > deadline:
                raise RuntimeError(f"not within {timeout:g} s: {what}")
            time.sleep(looks)

    def rate_of(self, left: Callable[[], int], count: int, looks: float = 0.002) -> float:
        """How many a second go, from the moment at which the first of ``count`` has gone."""
        began = time.perf_counter()

        def is_done() -> bool:
            nonlocal began
            now = left()
            if now >= count:
                began = time.perf_counter()
            return now == 0

        self.wait_for(is_done, f"{count} jobs", looks=looks)
        return count / (time.perf_counter() - began)

    def _env(self, system: System) -> dict[str, str]:
        # Dramatiq's own variables would tune one of the systems.
        env = {key: value for key, value in os.environ.items() if "dramatiq" not in key.lower()}
        env |= {"PYTHONPATH": str(ROOT), "LABKIT_HOME": str(self.folder)}
        return env | {
            "BENCH_REDIS_URL": self.server.url,
            "BENCH_POSTGRES_URL": self._postgres_url,
            **system.env,
        }


def memory_of(leaders: list[int]) -> float:
    """MiB that these process groups have in memory."""
    pids = [str(pid) for leader in leaders for pid in group_members(leader)]
    command = ["ps", "-o", "rss=", "-p", ",".join(pids)]
    shown = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return sum(map(int, shown.split())) / 1024


def kill_families(leaders: list[int]) -> None:
    """SIGKILL to these processes and all below them, those too that have left the group."""
    families = [psutil.Process(pid) for pid in leaders]
    families += [child for one in list(families) for child in one.children(recursive=True)]
    for one in families:
        with contextlib.suppress(psutil.NoSuchProcess):
            one.kill()
