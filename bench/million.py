"""The board and its search at a million jobs: ``python -m bench.million`` prints one table.

What Redis takes is its own count of the time in the scripts; the rest is seen from outside, from
the wish of a page to what it is told, without a browser. Nothing here is asserted.
"""

from __future__ import annotations

import sys
import time
import uuid
from collections import defaultdict
from collections.abc import Callable
from typing import Any

from labkit.ledger.reader import Ledger
from labkit.ledger.records import JobState
from labkit.redis_server import ThrowawayRedis
from labkit.widgets import JobBoard
from tests.support_widgets import FakePage

BATCH = 5_000
FIRST = 1_763_900_000_000
ERROR = (
    '\n{"started":1763900000000,"finished":1763900000125,"worker":"host:4711",'
    '"error":"ValueError: no such order: %d","traceback":"Traceback (most recent call last):\\n'
    '  File \\"shop.py\\", line 7, in charge\\nValueError: no such order: %d"}'
)


def fill(ledger: Ledger, jobs: int) -> None:
    """Seven of ten completed, two dead, one waiting; one in fifty of the queue ``mail``.

    Dramatiq's own keys hold those that are not completed, or the records would not be believed.
    """
    ledger.client.sadd(ledger.keys.queues, "default", "mail")
    for base in range(0, jobs, BATCH):
        records: dict[str, str] = {}
        sets: dict[str, dict[str, int]] = defaultdict(dict)
        messages: dict[str, dict[str, str]] = defaultdict(dict)
        dead: dict[str, dict[str, int]] = defaultdict(dict)
        for number in range(base, min(jobs, base + BATCH)):
            job_id = str(uuid.uuid4())
            state = ("completed", "dead", "enqueued")[(number % 10 > 6) + (number % 10 > 8)]
            queue, actor = ("mail", "send") if number % 50 == 8 else ("default", "charge")
            sent = (
                f'{{"queue_name":"{queue}","actor_name":"{actor}","args":[{number}],'
                f'"kwargs":{{"title":"Order number {number}"}}'
            )
            first = f"{state} 5f0c {FIRST} - {FIRST} {FIRST} 0 host:4711\n"
            error = ERROR % (number, number) if state == "dead" else ""
            records[job_id] = f"{first}{sent}}}{error}"
            sets[state][job_id] = FIRST + number
            if state == "completed":
                continue
            key = f"{ledger.namespace}:{queue}{'.XQ' * (state == 'dead')}"
            messages[key][f"{job_id}#5f0c"] = (
                f'{sent},"options":{{}},"message_id":"{job_id}","message_timestamp":{FIRST}}}'
            )
            if state == "dead":
                dead[key][f"{job_id}#5f0c"] = FIRST + number
        with ledger.client.pipeline(transaction=False) as pipe:
            pipe.hset(ledger.keys.jobs, mapping=records)
            for state, members in sets.items():
                pipe.zadd(ledger.keys.state(state), members)
            for key, payloads in messages.items():
                pipe.hset(f"{key}.msgs", mapping=payloads)
                if key in dead:
                    pipe.zadd(key, dead[key])
                else:
                    pipe.rpush(key, *payloads)
            pipe.execute()


def measure(ledger: Ledger, name: str, ask: Callable[[], Any], times: int = 20) -> None:
    """Print what it takes: milliseconds seen from outside, and of Redis in all and at worst."""
    client = ledger.client
    client.config_set("slowlog-log-slower-than", 300)
    client.config_set("slowlog-max-len", 5_000)
    client.slowlog_reset()
    client.config_resetstat()
    begun = time.perf_counter()
    for _ in range(times):
        ask()
    outside = (time.perf_counter() - begun) / times * 1_000
    stats: Any = client.info("commandstats")
    asked = [one for name, one in stats.items() if not name.startswith("cmdstat_config")]
    scripts = stats.get("cmdstat_evalsha")
    # A script's time is counted in its commands, too.
    spent = scripts["usec"] if scripts else sum(one["usec"] for one in asked)
    slow: Any = client.slowlog_get(5_000)
    worst = max([one["duration"] for one in slow], default=0)
    longest = f"{worst / 1_000:.2f}" if worst else "under 0.3"
    print(f"{name:<52}{outside:>10.1f}{spent / times / 1_000:>12.2f}{longest:>12}", flush=True)


def search_until(ledger: Ledger, text: str, enough: int) -> None:
    """Search for so many jobs, or to the end."""
    search = ledger.search(text)
    while len(search.found) < enough and not search.is_done:
        search.step(enough)


def page_of(url: str) -> tuple[JobBoard, FakePage]:
    """A board, and what it tells a page."""
    board = JobBoard(url)
    page = FakePage(board)
    page.wait_until(lambda view: view["counts"])
    return board, page


def main(jobs: int) -> None:
    """Fill a Redis of its own, and print what each question takes."""
    with ThrowawayRedis() as server:
        ledger = Ledger(server.url)
        fill(ledger, jobs)
        one = ledger.jobs(JobState.COMPLETED, offset=jobs // 2, limit=1)[0].id
        print(f"{jobs:,} jobs{'':<34}{'seen, ms':>20}{'Redis, ms':>12}{'longest':>12}")
        measure(ledger, "counts", ledger.counts)
        for offset in (0, jobs // 3, jobs * 69 // 100):
            measure(
                ledger,
                f"ten completed from {offset:,} on",
                lambda offset=offset: ledger.jobs(JobState.COMPLETED, offset=offset, limit=10),
            )
        for text in (
            one,
            "state:completed queue:default",
            "state:dead queue:mail actor:send",
            "order",
            '"no such order"',
        ):
            shown = "a whole id" if text == one else text
            measure(ledger, f"first ten: {shown}", lambda text=text: search_until(ledger, text, 10))
        measure(ledger, "one call that finds nothing", lambda: ledger.search("nowhere").step())
        measure(ledger, "all, finding nothing", lambda: search_until(ledger, "nowhere", 1), 1)
        begun = time.perf_counter()
        board, page = page_of(server.url)
        print(f"{'a new board knows what to show':<52}{_since(begun):>10.1f}")
        for text in ("order", "state:dead queue:mail", one):
            begun = time.perf_counter()
            page.ask(kind="look", search=text, tab="recent", offset=0)
            page.wait_until(lambda view: view["search"] and view["order"])
            shown = "a whole id" if text == one else text
            print(f"{f'a board has its first hits: {shown}':<52}{_since(begun):>10.1f}")
        board.close()
        ledger.client.close()


def _since(begun: float) -> float:
    return (time.perf_counter() - begun) * 1_000


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000)
