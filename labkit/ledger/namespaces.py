"""Namespaces: how everybody stands on one Redis, for whoever teaches a class. For looking only."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import redis

from labkit.ledger import keys
from labkit.ledger.records import JobState, from_millis
from labkit.redis_client import client_of, redis_errors
from labkit.redis_server import connect

#: Keys that one look goes through for namespaces that are new; a class of thirty has some 700.
KEYS_A_LOOK = 10_000
#: Milliseconds of silence after which a worker no longer counts: workers beat each second.
SILENCE = 5_000


@dataclass(frozen=True)
class Standing:
    """One namespace at one moment."""

    namespace: str
    counts: dict[JobState, int]
    workers: int
    changed_at: datetime


class Namespaces:
    """The namespaces of a Redis in which a ledger is kept, found by their keys.

    Parameters:
      url: A Redis to look at in place of that of ``Settings()``.

    Raises:
      ConfigurationError: ``url`` is no URL of a Redis.
    """

    def __init__(self, url: str | None = None) -> None:
        self.client: redis.Redis = connect() if url is None else client_of(url)
        self._lua = self.client.register_script(keys.script("namespaces"))
        self._cursor = "0"
        self._known: list[str] = []

    def look(self) -> list[Standing]:
        """How each stands, by name, in one round trip.

        On a Redis of very many keys one that is new is found some looks later.

        Raises:
          RedisUnavailable, RedisRefused: Redis does not answer, or not this user.
        """
        arguments: list[str | int] = [self._cursor, KEYS_A_LOOK, SILENCE, *self._known]
        with redis_errors(self.client):
            cursor, *flat = self._lua(keys=[""], args=arguments)
        self._cursor = cursor.decode()
        width = len(JobState) + 3
        rows = [flat[first : first + width] for first in range(0, len(flat), width)]
        found = sorted((_standing(row) for row in rows), key=lambda one: one.namespace)
        self._known = [one.namespace for one in found]
        return found


def _standing(row: list[Any]) -> Standing:
    name, *counts, workers, last = row
    changed_at = from_millis(int(last.decode().split("-")[0]))
    return Standing(
        name.decode(errors="replace"), dict(zip(JobState, counts, strict=True)), workers, changed_at
    )
