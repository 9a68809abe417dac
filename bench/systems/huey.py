"""Huey, with threads."""

from __future__ import annotations

from typing import Any

from bench.systems.base import Client, System, tool, version_of


class HueyClient(Client):
    """Tasks that are called."""

    def __init__(self) -> None:
        from bench.systems import huey_app

        self.noop: Any = huey_app.noop
        self.stamp: Any = huey_app.stamp

    def send(self, number: int) -> None:
        self.noop(number)

    def send_stamp(self, since: float, path: str) -> None:
        self.stamp(since, path)

    def version(self) -> str:
        return version_of("huey")


class HueySystem(System):
    """``huey_consumer``."""

    def worker(self, threads: int) -> list[str]:
        consumer = [tool(self.python, "huey_consumer"), "bench.systems.huey_app.huey"]
        return [*consumer, "-k", "thread", "-w", str(threads)]

    def client(self) -> Client:
        return HueyClient()


HUEY = HueySystem(
    name="huey",
    title="Huey",
    module="huey",
    queue="huey.redis.bench",
    drains={(1, 1): 3_000, (1, 8): 3_000, (2, 8): 5_000},
)
