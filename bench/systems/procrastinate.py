"""Procrastinate: a table in PostgreSQL, which workers are told of, poll and lock."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from bench.systems.base import Client, Store, System, tool, version_of

SLICE = 1_000


class ProcrastinateClient(Client):
    """Tasks that are deferred."""

    def __init__(self) -> None:
        from bench.systems import procrastinate_app

        procrastinate_app.app.open()
        self.noop: Any = procrastinate_app.noop
        self.stamp: Any = procrastinate_app.stamp

    def send(self, number: int) -> None:
        self.noop.defer(number=number)

    def send_stamp(self, since: float, path: str) -> None:
        self.stamp.defer(since=since, path=path)

    def send_bulk(self, count: int) -> None:
        for first in range(0, count, SLICE):
            numbers = range(first, min(first + SLICE, count))
            self.noop.batch_defer(*[{"number": number} for number in numbers])

    def send_stamp_at(self, due: float, path: str) -> None:
        when = datetime.fromtimestamp(due, UTC)
        self.stamp.configure(schedule_at=when).defer(since=due, path=path)

    def version(self) -> str:
        return version_of("procrastinate")


class ProcrastinateSystem(System):
    """``procrastinate worker``."""

    def is_here(self) -> bool:
        from labkit.errors import DatabaseNotReady
        from labkit.postgres_throwaway import find_programs

        try:
            find_programs()
        except DatabaseNotReady:
            return False
        return super().is_here()

    def worker(self, threads: int) -> list[str]:
        program = [tool(self.python, "procrastinate"), "--app=bench.systems.procrastinate_app.app"]
        return [*program, "worker", f"--concurrency={threads}"]

    def unfinished(self, store: Store) -> int:
        query = "SELECT count(*) FROM procrastinate_jobs WHERE status IN ('todo', 'doing')"
        return int(store.execute(query).fetchone()[0])

    def hold(self, store: Store) -> None:
        store.execute("UPDATE procrastinate_jobs SET scheduled_at = now() + interval '1 day'")

    def release(self, store: Store) -> None:
        store.execute("UPDATE procrastinate_jobs SET scheduled_at = NULL WHERE status = 'todo'")

    def client(self) -> Client:
        return ProcrastinateClient()


PROCRASTINATE = ProcrastinateSystem(
    name="procrastinate",
    title="Procrastinate",
    module="procrastinate",
    store="postgres",
    queue="procrastinate_jobs",
    drains={(1, 1): 500, (1, 8): 1_500, (2, 8): 2_000},
    has_bulk=True,
    # Each look is a query, which the server has to do beside its work.
    looks=0.02,
)
