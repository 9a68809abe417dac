"""Place: which ledger a widget looks at, and the one watcher of each."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import redis

from labkit.ledger.bystander import Bystander
from labkit.ledger.reader import Ledger
from labkit.redis_client import LazyPool, parse_redis_url
from labkit.redis_server import find
from labkit.settings import Settings, redact_url
from labkit.widgets.watcher import PATIENCE, Reader, Watcher

if TYPE_CHECKING:
    from collections.abc import Iterator

_watchers: dict[Place, Watcher] = {}
_opening = threading.Lock()


@dataclass(frozen=True, repr=False)
class Place:
    """A namespace on the Redis of ``Settings()`` (``url`` None), or on any other.

    For another one nothing is started and no ``labkit.toml`` is read.

    Raises:
      ConfigurationError: ``url`` is no URL of a Redis.
    """

    url: str | None
    namespace: str
    read_only: bool  #: whoever looks there writes nothing at all, not even labkit's own records

    @classmethod
    def of(cls, url: str | None, namespace: str | None, read_only: bool | None = None) -> Place:
        """The place that these arguments of a widget mean."""
        if url is not None:
            parse_redis_url(url)
            return cls(url, namespace or "dramatiq", read_only is not False)
        return cls(None, namespace or Settings().namespace, read_only is True)

    @property
    def address(self) -> str:
        """Where it is, without a password; empty for the Redis of ``Settings()``."""
        return redact_url(self.url) if self.url else ""

    def __repr__(self) -> str:
        where = f"{self.address!r}, " if self.url else ""
        return f"{where}namespace={self.namespace!r}"

    @contextmanager
    def ledger(self, *, read_only: bool = True) -> Iterator[Ledger]:
        """A ledger for a few questions now; its connection is closed at the end of the block."""
        if self.read_only:
            ledger: Ledger = Bystander(self.url, self.namespace)
        else:
            ledger = Ledger(self.url, self.namespace, read_only=read_only)
        try:
            yield ledger
        finally:
            ledger.client.close()

    def watch(self, reader: Reader) -> Watcher:
        """Tell ``reader`` what happens there; all readers of a place share one watcher."""
        with _opening:
            watcher = _watchers.get(self)
            if watcher is None or not watcher.add(reader):
                watcher = _watchers[self] = Watcher(lambda: self.open_ledger(3))
                watcher.add(reader)
            return watcher

    def open_ledger(self, connections: int) -> Ledger:
        """A ledger of one's own, for a long time; it notices within seconds that nothing answers.

        Whoever opens it closes its client.
        """
        url = self.url
        pool = LazyPool(lambda: url or find(Settings()).url, connections, PATIENCE)
        client = redis.Redis.from_pool(pool)
        if self.read_only:
            ledger: Ledger = Bystander(client=client, namespace=self.namespace)
        else:
            ledger = Ledger(client=client, namespace=self.namespace, read_only=True)
        ledger.is_foreign = url is not None
        return ledger
