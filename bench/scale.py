"""How far one Redis goes, and what sharding by queue gives: the numbers of docs/scale.md.

    python -m bench.scale            # prints them
    python -m bench.scale --write    # puts them into the page
    python -m bench.scale --measure  # the bytes of a job, on a Redis that is thrown away

Rates are those that ``make bench`` has measured (results.json). From these, with a seed, two things
are simulated: how long a command waits for a Redis that is so busy, and how much of their sum
several of them carry when each queue lives on one.
"""

from __future__ import annotations

import json
import random
import sys
from collections.abc import Iterator
from pathlib import Path
from statistics import median, quantiles

from dramatiq import Message

from labkit.broker import LabBroker
from labkit.redis_throwaway import ThrowawayRedis

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "scale.md"
BEGIN, END = "<!-- figures: written by bench/scale.py -->", "<!-- /figures -->"
SEED = 11
#: Bytes of a waiting job with one small argument, message and record (``--measure``, Redis 7.0.15).
WAITING = 843
#: What a Redis may hold before somebody looks at it.
GIBIBYTES = 4
LOADS = (0.5, 0.8, 0.9, 0.95, 0.99)
#: Jobs whose waiting is simulated; and ways in which hashing may put the queues on the servers.
JOBS, HASHINGS = 200_000, 2_000
#: Queues, of which the n-th is as busy as the first divided by n.
QUEUES = 24
SERVERS = (2, 4, 8)
#: Seconds of a body, for the number of threads that make Redis busy.
BODY = 0.05


def rates() -> dict[str, float]:
    """Jobs a second by the rows of results.json that labkit has."""
    rows = json.loads((ROOT / "bench" / "results.json").read_text(encoding="utf-8"))["rows"]
    return {row["key"]: row["systems"]["labkit"]["median"] for row in rows}


def waits(load: float, cost: float, jobs: int = JOBS) -> list[float]:
    """Seconds that each job waits for a server that takes ``cost`` for one, and is so busy."""
    dice, waiting = random.Random(SEED), 0.0  # noqa: S311
    waited = []
    for _ in range(jobs):
        waited.append(waiting)
        waiting = max(0.0, waiting + cost - dice.expovariate(load / cost))
    return waited


def shares() -> list[float]:
    """How much of all jobs each queue has."""
    weights = [1 / (place + 1) for place in range(QUEUES)]
    return [weight / sum(weights) for weight in weights]


def carried(places: list[int], servers: int) -> float:
    """How many times the jobs of one server these carry: until the busiest of them is full."""
    busy = [0.0] * servers
    for share, place in zip(shares(), places, strict=True):
        busy[place] += share
    return 1 / max(busy)


def by_hash(servers: int) -> float:
    """Where a hash of its name says where a queue lives: the median of many such hashes."""
    dice = random.Random(SEED)  # noqa: S311 - a simulation is to be repeated
    return median(
        carried([dice.randrange(servers) for _ in range(QUEUES)], servers) for _ in range(HASHINGS)
    )


def by_hand(servers: int) -> float:
    """Where somebody looks: each queue, the busiest first, goes to the server with the least."""
    busy, places = [0.0] * servers, []
    for share in shares():
        places.append(busy.index(min(busy)))
        busy[places[-1]] += share
    return carried(places, servers)


def lines() -> Iterator[str]:
    """The tables of the page."""
    rate = rates()
    full = rate["drain_2x8"]
    yield "| One Redis, measured | |"
    yield "|---|---:|"
    yield f"| no-op jobs run, two processes of eight threads, jobs a second | {full:,.0f} |"
    yield f"| jobs sent one by one by one producer, jobs a second | {rate['each']:,.0f} |"
    yield f"| jobs sent in bulk, jobs a second | {rate['bulk']:,.0f} |"
    yield f"| due jobs moved to their queue, jobs a second | {rate['promote']:,.0f} |"
    yield f"| a job that waits, bytes | {WAITING:,} |"
    yield f"| the record of one that is over, at a million, bytes | {rate['bytes']:,.0f} |"
    held = GIBIBYTES * 2**30 / WAITING
    yield ""
    yield "| From that, computed | |"
    yield "|---|---:|"
    yield f"| jobs that wait in {GIBIBYTES} GiB | {held / 1e6:.1f} million |"
    minutes = held / 1000 / 60
    yield f"| … with no worker, at 1,000 jobs a second, full after | {minutes:.0f} minutes |"
    yield f"| threads at bodies of {BODY * 1000:.0f} ms that make it busy | {full * BODY:,.0f} |"
    yield ""
    yield "| How busy it is, simulated | a command waits: median | 99th percentile |"
    yield "|---|---:|---:|"
    for load in LOADS:
        waited = [1000 * wait for wait in waits(load, 1 / full)]
        middle, high = median(waited), quantiles(waited, n=100)[98]
        yield f"| {load:.0%} | {middle:.2f} ms | {high:.2f} ms |"
    yield ""
    yield f"| Servers for {QUEUES} queues, simulated | queues hashed | placed by hand |"
    yield "|---|---:|---:|"
    for servers in SERVERS:
        hashed, placed = by_hash(servers), by_hand(servers)
        yield f"| {servers} carry, of what one does | {hashed:.1f} times | {placed:.1f} times |"


def measure(jobs: int = 20_000) -> float:
    """Bytes that Redis takes for a job that waits."""
    with ThrowawayRedis() as server:
        client, broker = server.client(), LabBroker(url=server.url, middleware=[])
        before = client.info("memory")["used_memory"]
        broker.enqueue_many([Message("default", "task_logger", (n,), {}, {}) for n in range(jobs)])
        after = client.info("memory")["used_memory"]
        broker.client.close()
    return float(after - before) / jobs


def replace(page: str, content: str) -> str:
    """The page with the tables between its markers."""
    before, _, rest = page.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n{content}\n{END}{after}"


def main(arguments: list[str]) -> None:
    """What the first lines of this file say."""
    if "--measure" in arguments:
        print(f"{measure():.0f} bytes")
        return
    content = "\n".join(lines())
    print(content)
    if "--write" in arguments:
        PAGE.write_text(replace(PAGE.read_text(encoding="utf-8"), content), encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
