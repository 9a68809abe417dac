"""A class at work: learners whose notebooks run side by side on one Redis and one PostgreSQL.

Each learner is a user of a hub (``JUPYTERHUB_USER``), with a root, kernels, boards and workers of
their own. All sessions are open before the first cell runs. Then everybody goes through the
chapters at their own pace, and a cell runs when one of ``--hands`` is free: thirty people press
"run" in one lesson, but not in one second, and two cores would not take that.

It fails unless every cell of every learner gives what is stored in the notebook, under the same
sanitisers as nbval; and unless afterwards no key, job, row or worker of one is another's.
"""

from __future__ import annotations

import argparse
import asyncio
import copy
import json
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import nbformat
import psutil
import psycopg
from dramatiq import Message
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError
from nbval.plugin import get_sanitize_patterns
from psycopg import sql
from redis import Redis
from sqlmodel import select

from labkit import hub
from labkit.broker import LabBroker
from labkit.database import close, create_tables, session
from labkit.ledger.check import check
from labkit.ledger.reader import Ledger
from labkit.ledger.records import JobState
from labkit.models import Task
from labkit.postgres_throwaway import ThrowawayPostgres
from labkit.redis_throwaway import ThrowawayRedis
from tools.notebooks import ROOT, SANITIZERS, comparable, environment

CHAPTERS = ["05", "06", "07", "08"]
#: Names as people have them: what a namespace is made of has to be distinct, and valid.
NAMES = ("learner{}", "Learner{}", "learner{}@example.org", "Öl.{}", "pg_{}")
CELL_TIMEOUT = 120
#: Seconds between two looks at what it takes.
LOOK = 5.0
#: The notebooks are stored as SQLite has it. Its address and its words are its own; and after a
#: transaction that was rolled back PostgreSQL leaves a number out.
OF_THE_DATABASE = {
    r"(sqlite|postgresql\+psycopg)://\S+( \(schema '\S+'\))?": "DATABASE",
    r"(?s)The database refuses the row: .*?\.(?=\n|$)": "REFUSED",
    r"\bid=\d+": "id=NUMBER",
    r"\btask_logger\(\d+\)": "task_logger(NUMBER)",
}
PATTERNS = {
    **dict(get_sanitize_patterns(SANITIZERS.read_text(encoding="utf-8"))),
    **OF_THE_DATABASE,
}
#: Namespaces beside the learners': the one that lies there, and none else.
OTHERS = {hub.NAMESPACE}
#: Jobs and rows that lie there before the class comes, and after it, untouched.
LEFT = 3


class Learner:
    """One person with a folder, and what went wrong for them."""

    def __init__(self, number: int, top: Path, redis_url: str, database_url: str) -> None:
        self.name = NAMES[number % len(NAMES)].format(number)
        self.namespace = hub.namespace_of(self.name)
        self.root = top / f"home{number}" / "labkit"
        self.redis_url = redis_url
        self.failures: list[str] = []
        self.cells = 0
        ignore = shutil.ignore_patterns(".ipynb_checkpoints")
        shutil.copytree(ROOT / "notebooks", self.root / "notebooks", ignore=ignore)
        shutil.copy(ROOT / "labkit.toml", self.root)
        self.environment = environment(self.root) | {
            "JUPYTERHUB_USER": self.name,
            "REDIS_URL": redis_url,
            "DATABASE_URL": database_url,
        }

    async def learn(
        self, chapters: list[str], hands: asyncio.Semaphore, all_here: asyncio.Barrier
    ) -> None:
        """The chapters one after another, each from top to bottom in a kernel of its own."""
        for number in chapters:
            [path] = (self.root / "notebooks").glob(f"{number}_*.ipynb")
            stored = nbformat.read(path, as_version=4)
            # What a cell shows may come late where all are busy; nbclient would go on without it.
            patience = {"timeout": CELL_TIMEOUT, "iopub_timeout": CELL_TIMEOUT}
            client = NotebookClient(copy.deepcopy(stored), **patience)
            client.create_kernel_manager()
            try:
                async with hands:
                    await client.async_start_new_kernel(env=self.environment, cwd=str(path.parent))
                    await client.async_start_new_kernel_client()
                if number == chapters[0]:
                    await all_here.wait()
                for index, cell in enumerate(client.nb.cells):
                    if cell.cell_type == "code":
                        async with hands:
                            await client.async_execute_cell(cell, index)
                        self.cells += 1
                        self.failures += self._differences(path.stem, stored.cells[index], cell)
            except (CellExecutionError, CellTimeoutError) as error:
                self.failures.append(f"{path.stem}: {str(error)[-2000:]}")
            finally:
                await client._async_cleanup_kernel()

    def _differences(self, chapter: str, stored: Any, ran: Any) -> Iterator[str]:
        """What is not as in the notebook, where the namespace is the one outside of a class."""
        text = json.dumps(ran.outputs).replace(self.namespace, hub.NAMESPACE)
        after = comparable([nbformat.from_dict(each) for each in json.loads(text)], PATTERNS)
        before = comparable(stored.outputs, PATTERNS)
        for kind in sorted(before.keys() | after.keys()):
            if before[kind] != after[kind]:
                texts = f"-- {kind}, stored: {before[kind]}\n-- now: {after[kind]}"
                yield f"{chapter}: {stored.source}\n{texts}"


@dataclass
class Measured:
    """What a lesson took: seconds, and at the most mebibytes and connections at once."""

    seconds: float = 0
    memory: float = 0
    kernels: int = 0
    redis_connections: int = 0
    postgres_connections: int = 0
    redis_commands: int = 0
    transactions: int = 0


async def _measure(redis: Redis, database: psycopg.Connection, into: Measured) -> None:
    began, before = time.monotonic(), redis.info("stats")["total_commands_processed"]
    while True:
        memory = kernels = 0
        for process in psutil.Process().children(recursive=True):
            with suppress(psutil.Error):
                # Shared pages once: the sum of what each holds resident would count them for each.
                memory += process.memory_full_info().pss
                kernels += "ipykernel_launcher" in " ".join(process.cmdline())
        found = database.execute(
            "SELECT sum(numbackends), sum(xact_commit) FROM pg_stat_database"
        ).fetchone()
        backends, into.transactions = map(int, found or (0, 0))
        clients = redis.info("clients")["connected_clients"]
        into.memory = max(into.memory, memory / 2**20)
        into.kernels = max(into.kernels, kernels)
        into.redis_connections = max(into.redis_connections, clients - 1)
        into.postgres_connections = max(into.postgres_connections, backends - 1)
        into.redis_commands = redis.info("stats")["total_commands_processed"] - before
        into.seconds = time.monotonic() - began
        await asyncio.sleep(LOOK)


async def _lesson(
    learners: list[Learner], chapters: list[str], hands: int, redis: Redis, url: str
) -> Measured:
    measured, free, here = Measured(), asyncio.Semaphore(hands), asyncio.Barrier(len(learners))
    with psycopg.connect(url, autocommit=True) as database:
        watch = asyncio.create_task(_measure(redis, database, measured))
        await asyncio.gather(*(one.learn(chapters, free, here) for one in learners))
        watch.cancel()
    return measured


def mixed_up(learners: list[Learner], redis: Redis, database: psycopg.Connection) -> Iterator[str]:
    """What of one learner is found with another; what is nobody's."""
    own = {one.namespace for one in learners}
    for key in redis.scan_iter(count=1000):
        namespace = key.decode().partition(":")[0]
        if namespace not in {*own, *OTHERS}:
            yield f"the key {key!r} is nobody's"
    jobs: dict[str, str] = {}
    workers: dict[str, str] = {}
    for one in learners:
        ledger = Ledger(client=redis, namespace=one.namespace)
        yield from (f"{one.name}: {difference}" for difference in check(ledger))
        for state in JobState:
            for record in ledger.jobs(state, limit=10_000):
                if (other := jobs.setdefault(record.id, one.name)) != one.name:
                    yield f"the job {record.id} is {other}'s and {one.name}'s"
                for worker in {attempt.worker for attempt in record.attempts} - {None}:
                    if (other := workers.setdefault(str(worker), one.name)) != one.name:
                        yield f"the worker {worker} ran jobs of {other} and of {one.name}"
    found = database.execute(
        "SELECT schemaname FROM pg_tables WHERE tablename = 'tasks' ORDER BY schemaname"
    )
    schemas = {name for (name,) in found}
    expected = {"public", *own, *(f"{name}.test" for name in own)}
    yield from (f"the schema {name!r} is nobody's" for name in schemas - expected)
    tallies = {
        name: database.execute(
            sql.SQL("SELECT count(*) FROM {}").format(sql.Identifier(name, "tasks"))
        ).fetchone()
        for name in own & schemas
    }
    if len(set(tallies.values())) > 1 or not own <= schemas:
        yield f"the same chapters left different numbers of tasks: {tallies}"


def _leave_something(url: str, database_url: str) -> Callable[[], object]:
    """Jobs and rows outside of every learner's part; returns what tells what there is of them."""
    os.environ |= {"REDIS_URL": url, "DATABASE_URL": database_url}
    broker = LabBroker(url=url)
    for _ in range(LEFT):
        broker.enqueue(Message("default", "left_alone", (), {}, {}))
    create_tables()
    with session() as db:
        db.add_all([Task(title="left alone") for _ in range(LEFT)])

    def look() -> object:
        keys = sorted(broker.client.scan_iter(f"{broker.namespace}:*"))
        with session() as db:
            tasks = [(task.id, task.title) for task in db.exec(select(Task))]
        return tasks, [(key, broker.client.dump(key)) for key in keys]

    return look


def main(arguments: list[str] | None = None) -> int:
    """The command line; returns the exit status."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--learners", type=int, default=30)
    parser.add_argument("--hands", type=int, default=3, help="cells that run in one moment")
    parser.add_argument("chapters", nargs="*", default=CHAPTERS, help="such as 05 (default: 05-08)")
    options = parser.parse_args(arguments)
    with (
        tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder,
        ThrowawayRedis(password=True) as redis,
        ThrowawayPostgres() as postgres,
    ):
        url = postgres.new_database("course")
        look = _leave_something(redis.url, url)
        before = look()
        people = [Learner(n, Path(folder), redis.url, url) for n in range(options.learners)]
        lesson = _lesson(people, options.chapters, options.hands, redis.client(), url)
        measured = asyncio.run(lesson)
        with psycopg.connect(url) as database:
            faults = list(mixed_up(people, redis.client(), database))
        if look() != before:
            faults.append("what lay there before is not as it was")
        close()
    failed = {one.name: one.failures for one in people if one.failures}
    for name, failures in failed.items():
        print(f"{name}: {len(failures)} cells", *failures[:5], sep="\n")
    print("\n".join(faults))
    print(
        json.dumps(
            {
                "learners": len(people),
                "failed": len(failed),
                "faults": len(faults),
                "cells": sum(one.cells for one in people),
                **asdict(measured),
            }
        )
    )
    return 1 if failed or faults else 0


if __name__ == "__main__":
    sys.exit(main())
