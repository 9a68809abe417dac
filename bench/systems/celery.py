"""Celery, in threads as the others are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from bench.systems.base import Client, Store, System, tool, version_of


class CeleryClient(Client):
    """Tasks sent with ``delay``."""

    def __init__(self) -> None:
        from bench.systems import celery_app

        self.noop: Any = celery_app.noop
        self.stamp: Any = celery_app.stamp

    def send(self, number: int) -> None:
        self.noop.delay(number)

    def send_stamp(self, since: float, path: str) -> None:
        self.stamp.delay(since, path)

    def version(self) -> str:
        return version_of("celery")


class CelerySystem(System):
    """``celery worker``."""

    def workers(self, processes: int, threads: int) -> Sequence[list[str]]:
        application = [tool(self.python, "celery"), "-A", "bench.systems.celery_app"]
        command = [*application, "worker", "-P", "threads", "-c", str(threads)]
        return [[*command, "-n", f"bench{number}@%h"] for number in range(processes)]

    def unfinished(self, store: Store) -> int:
        return store.llen(self.queue) + store.hlen("unacked")

    def client(self) -> Client:
        return CeleryClient()


CELERY = CelerySystem(
    name="celery",
    title="Celery",
    module="celery",
    queue="celery",
    drains={(1, 1): 1_500, (1, 8): 1_500, (2, 8): 2_500},
)
