"""arq, with coroutines in place of threads.

It begins as many jobs as may run at a time, and then sleeps for half a second: with eight it
would do sixteen a second. So it gets a thousand.
"""

from __future__ import annotations

import asyncio
from typing import Any

from bench.systems.base import Client, Store, System, tool, url, version_of


class ArqClient(Client):
    """One loop, which waits for each answer."""

    def __init__(self) -> None:
        from arq import create_pool
        from arq.connections import RedisSettings

        self.loop = asyncio.new_event_loop()
        self.pool: Any = self.loop.run_until_complete(create_pool(RedisSettings.from_dsn(url())))

    def send(self, number: int) -> None:
        self.loop.run_until_complete(self.pool.enqueue_job("noop", number))

    def send_each(self, count: int) -> None:
        async def send_all() -> None:
            for number in range(count):
                await self.pool.enqueue_job("noop", number)

        self.loop.run_until_complete(send_all())

    def send_stamp(self, since: float, path: str) -> None:
        self.loop.run_until_complete(self.pool.enqueue_job("stamp", since, path))

    def version(self) -> str:
        return version_of("arq")


class ArqSystem(System):
    """``arq``."""

    def worker(self, threads: int) -> list[str]:
        command = [tool(self.python, "arq"), "bench.systems.arq_app.WorkerSettings"]
        return ["env", f"BENCH_THREADS={1_000 if threads > 1 else 1}", *command]

    def unfinished(self, store: Store) -> int:
        return store.zcard(self.queue)

    def client(self) -> Client:
        return ArqClient()


ARQ = ArqSystem(
    name="arq",
    title="arq",
    module="arq",
    queue="arq:queue",
    drains={(1, 8): 3_000, (2, 8): 5_000},
    samples=50,
)
