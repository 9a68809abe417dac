"""A ledger's way to Redis: the client, the namespace, and the scripts."""

from __future__ import annotations

from typing import Any

import redis

from labkit.errors import ReadOnly
from labkit.ledger import keys
from labkit.ledger.records import JobState
from labkit.ledger.stock import StockQueues
from labkit.redis_client import client_of, redis_errors
from labkit.redis_server import connect
from labkit.settings import Settings, redact_url

_SCRIPTS = (
    "act",
    "act_stock",
    "adopt",
    "holders",
    "inspect",
    "letters",
    "match",
    "mend",
    "page",
    "search",
    "survey",
    "vanished",
    "workers",
)
#: Those of them that change something.
_WRITING = {"act", "act_stock", "adopt", "mend"}


class LedgerConnection:
    """What ``Ledger`` stands on; see there for the parameters."""

    def __init__(
        self,
        url: str | None = None,
        namespace: str | None = None,
        *,
        client: redis.Redis | None = None,
        read_only: bool = False,
    ) -> None:
        self.read_only = read_only
        if url is not None or client is not None:
            self.client: redis.Redis = client or client_of(url or "")
            self.namespace = namespace or "dramatiq"
            self._address = redact_url(url) if url else "the given client"
        else:
            settings = Settings()
            self.client = connect(settings)
            self.namespace = namespace or settings.namespace
            self._address = "the Redis of Settings()"
        self.keys = keys.Keys(self.namespace)
        self.stock = StockQueues(self.client, self.namespace)
        #: Whether the records are true, for all that is known; see ``bystander``.
        self.is_kept = True
        #: Whether it may be an application without labkit; one's own Redis is always recorded.
        self.is_foreign = url is not None or client is not None
        self._lua = {name: self.client.register_script(keys.script(name)) for name in _SCRIPTS}

    def __repr__(self) -> str:
        return f"Ledger({self._address!r}, namespace={self.namespace!r})"

    def call(self, script: str, *arguments: Any) -> Any:
        """Run one of the ledger's scripts."""
        if script in _WRITING:
            self.refuse_if_read_only()
        return self._lua[script](keys=[self.namespace], args=arguments)

    def refuse_if_read_only(self) -> None:
        """Let nothing be changed through a ledger that is for looking only.

        Raises:
          ReadOnly: it is one.
        """
        if self.read_only:
            raise ReadOnly(f"{self!r} is read-only: without read_only=True it could change jobs.")

    def counts(self) -> dict[JobState, int]:
        """How many jobs are in each state: all states, one round trip.

        An application of stock Dramatiq alone keeps no completed or cancelled job: these two are
        then left out, for nobody knows their numbers.
        """
        with redis_errors(self.client):
            with self.client.pipeline(transaction=False) as pipe:
                for state in JobState:
                    pipe.zcard(self.keys.state(state))
                self._probe(pipe)
                *counts, ours, theirs = pipe.execute()
            if self._is_stock(ours, theirs):
                return self.stock.counts()
            return dict(zip(JobState, counts, strict=True))

    def is_recorded(self) -> bool:
        """Whether a ledger is kept here; without one only Dramatiq's own keys can be read."""
        if not self.is_foreign:
            return True
        with redis_errors(self.client), self.client.pipeline(transaction=False) as pipe:
            self._probe(pipe)
            return not self._is_stock(*pipe.execute())

    def _probe(self, pipe: Any) -> None:
        own = self.keys
        pipe.exists(own.jobs, own.events, own.queues, own.workers)
        pipe.exists(f"{self.namespace}:__heartbeats__")

    def _is_stock(self, ours: int, theirs: int) -> bool:
        # With neither there is no application yet.
        return self.is_foreign and not ours and bool(theirs)
