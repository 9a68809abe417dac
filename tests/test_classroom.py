"""A class at work: side by side on one Redis and one PostgreSQL, and nobody's things mixed up."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import psycopg
import pytest
from dramatiq import Message

from labkit.broker import LabBroker
from labkit.database import create_tables
from labkit.redis_server import ThrowawayRedis
from tools.classroom import Learner, mixed_up

ROOT = Path(__file__).resolve().parent.parent


def a_class(learners: int, *chapters: str) -> dict[str, Any]:
    """Run the tool as people do; what it measured."""
    command = [sys.executable, "-m", "tools.classroom", f"--learners={learners}", *chapters]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
    measured: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    print(done.stdout.splitlines()[-1])
    return measured


@pytest.mark.timeout(300)
def test_two_learners_go_through_a_chapter_at_once() -> None:
    # Each of them clears queues, and may clear no other's.
    measured = a_class(2, "08")
    assert measured["kernels"] == 2
    assert measured["cells"] > 2 * 40


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_thirty_learners_go_through_four_chapters_at_once() -> None:
    measured = a_class(30)
    assert measured["kernels"] >= 30
    assert measured["cells"] > 30 * 200


def test_what_is_mixed_up_is_found(
    throwaway_redis: ThrowawayRedis,
    redis_url: str,
    postgres_url: str,
    root: Path,
    backend: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    people = [Learner(number, root, redis_url, postgres_url) for number in range(2)]
    message: Message[None] = Message("default", "nothing", (), {}, {})
    monkeypatch.setenv("DATABASE_URL", postgres_url)
    for one in people:
        monkeypatch.setenv("JUPYTERHUB_USER", one.name)
        create_tables()
        LabBroker(url=redis_url, namespace=one.namespace).enqueue(
            Message("default", "nothing", (), {}, {})
        )
    client = throwaway_redis.client()
    with psycopg.connect(postgres_url, autocommit=True) as database:
        assert list(mixed_up(people, client, database)) == []
        for one in people:
            LabBroker(url=redis_url, namespace=one.namespace).enqueue(message)
        client.set("stray:key", "1")
        database.execute(f"INSERT INTO {people[0].namespace}.tasks VALUES (1, 'x', now())")
        monkeypatch.setenv("JUPYTERHUB_USER", "stranger")
        create_tables()
        found = "\n".join(mixed_up(people, client, database))
    for said in (
        "the key b'stray:key' is nobody's",
        f"the job {message.message_id} is ",
        "the schema 'stranger' is nobody's",
        "different numbers of tasks",
    ):
        assert said in found
