"""A ledger's way to Redis: the client, the namespace, and the scripts."""

from __future__ import annotations

from typing import Any

import redis

from labkit.ledger import keys
from labkit.ledger.records import JobState
from labkit.redis_client import client_of, redis_errors
from labkit.redis_server import connect
from labkit.settings import Settings, redact_url

_SCRIPTS = ("act", "adopt", "inspect", "mend", "page", "survey", "workers")


class LedgerConnection:
    """What ``Ledger`` stands on; see there for the parameters."""

    def __init__(
        self,
        url: str | None = None,
        namespace: str | None = None,
        *,
        client: redis.Redis | None = None,
    ) -> None:
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
        self._lua = {name: self.client.register_script(keys.script(name)) for name in _SCRIPTS}

    def __repr__(self) -> str:
        return f"Ledger({self._address!r}, namespace={self.namespace!r})"

    def call(self, script: str, *arguments: Any) -> Any:
        """Run one of the ledger's scripts."""
        return self._lua[script](keys=[self.namespace], args=arguments)

    def counts(self) -> dict[JobState, int]:
        """How many jobs are in each state: all states, one round trip."""
        with redis_errors(self.client), self.client.pipeline(transaction=False) as pipe:
            for state in JobState:
                pipe.zcard(self.keys.state(state))
            return dict(zip(JobState, pipe.execute(), strict=True))
