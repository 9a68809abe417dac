"""RQ, with the worker that runs jobs in its own process, and with its own that forks for each."""

from __future__ import annotations

from typing import Any

from bench import jobs
from bench.systems.base import Client, Store, System, tool, url, version_of


class RqClient(Client):
    """Functions put into a queue."""

    def __init__(self) -> None:
        import redis
        import rq

        self.queue: Any = rq.Queue("default", connection=redis.Redis.from_url(url()))

    def send(self, number: int) -> None:
        self.queue.enqueue(jobs.noop, number)

    def send_stamp(self, since: float, path: str) -> None:
        self.queue.enqueue(jobs.stamp, since, path)

    def send_bulk(self, count: int) -> None:
        prepare = self.queue.prepare_data
        self.queue.enqueue_many([prepare(jobs.noop, (number,)) for number in range(count)])

    def version(self) -> str:
        return version_of("rq")


class RqSystem(System):
    """``rq worker``, which has no threads."""

    def worker(self, threads: int) -> list[str]:
        kind = "rq.worker.Worker" if self.name == "rq-fork" else "rq.worker.SimpleWorker"
        line = f'exec "$0" worker -u "$BENCH_REDIS_URL" -w {kind} default'
        return ["sh", "-c", line, tool(self.python, "rq")]

    def unfinished(self, store: Store) -> int:
        return store.llen(self.queue) + store.zcard("rq:wip:default")

    def client(self) -> Client:
        return RqClient()


RQ = RqSystem(
    name="rq",
    title="RQ",
    module="rq",
    queue="rq:queue:default",
    drains={(1, 1): 400},
    has_bulk=True,
)
#: Resque's model: a process for each job.
RQ_FORK = RqSystem(
    name="rq-fork",
    title="RQ, forking",
    module="rq",
    queue="rq:queue:default",
    drains={(1, 1): 100},
    samples=50,
)
